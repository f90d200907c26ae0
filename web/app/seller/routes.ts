import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [
  { path: "sell", load: () => import("./listings/Listings.svelte"), for: "person", nav: "sell" },
  { path: "sell/new", load: () => import("./publish/Publish.svelte"), for: "person", nav: "sell" },
  { path: "sell/listings/:id", load: () => import("./listings/Manage.svelte"), for: "person", nav: "sell" },
  { path: "sell/listings/:id/release", load: () => import("./publish/NewRelease.svelte"), for: "person", nav: "sell" },
  { path: "sales", load: () => import("./Sales.svelte"), for: "person", nav: "sell" },
];
