import type { Route } from "../lib/router.svelte";

const page = { for: "operator", nav: "operate" } as const;

export const routes: Route[] = [
  { path: "about", load: () => import("./About.svelte") },
  { path: "setup", load: () => import("./Setup.svelte") },
  { path: "operate", load: () => import("./Overview.svelte"), ...page },
  { path: "operate/people", load: () => import("./People.svelte"), ...page },
  { path: "operate/people/:id", load: () => import("./Person.svelte"), ...page },
  { path: "operate/listings", load: () => import("./Listings.svelte"), ...page },
  { path: "operate/reports", load: () => import("./Reports.svelte"), ...page },
  { path: "operate/settings", load: () => import("./Settings.svelte"), ...page },
  { path: "operate/log", load: () => import("./Log.svelte"), ...page },
  { path: "operate/health", load: () => import("./Health.svelte"), ...page },
];
