import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [
  { path: "sign-in", load: () => import("./SignIn.svelte"), nav: "account" },
  { path: "forgot", load: () => import("./Forgot.svelte"), nav: "account" },
  { path: "reset", load: () => import("./Reset.svelte"), nav: "account" },
  { path: "confirm", load: () => import("./Confirm.svelte"), nav: "account" },
  { path: "unsubscribe", load: () => import("./Unsubscribe.svelte"), nav: "account" },
  { path: "account", load: () => import("./Account.svelte"), for: "person", nav: "account" },
  { path: "account/delete", load: () => import("./Delete.svelte"), for: "person", nav: "account" },
];
