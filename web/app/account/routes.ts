import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [{ path: "sign-in", load: () => import("./SignIn.svelte"), nav: "account" }];
