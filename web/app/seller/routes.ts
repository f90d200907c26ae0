import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [
  { path: "sell", load: () => import("./listings/Listings.svelte"), for: "person", nav: "sell" },
  { path: "sell/new", load: () => import("./publish/Publish.svelte"), for: "person", nav: "sell" },
  { path: "sell/listings/:id", load: () => import("./listings/Manage.svelte"), for: "person", nav: "sell" },
  { path: "sell/listings/:id/release", load: () => import("./publish/NewRelease.svelte"), for: "person", nav: "sell" },
  { path: "sales", load: () => import("./business/Overview.svelte"), for: "person", nav: "sell" },
  { path: "sales/orders", load: () => import("./business/Orders.svelte"), for: "person", nav: "sell" },
  { path: "sales/prints", load: () => import("./business/Interrupted.svelte"), for: "person", nav: "sell" },
  { path: "sales/payment", load: () => import("./business/Payments.svelte"), for: "person", nav: "sell" },
  { path: "sales/webhooks", load: () => import("./business/Webhooks.svelte"), for: "person", nav: "sell" },
  { path: "sales/webhooks/:id", load: () => import("./business/Webhook.svelte"), for: "person", nav: "sell" },
];
