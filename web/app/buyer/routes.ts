import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [
  { path: "", load: () => import("./Catalogue.svelte"), nav: "shop" },
  { path: "listings/:id", load: () => import("./Listing.svelte"), nav: "shop" },
  { path: "listings/:id/buy", load: () => import("./Buy.svelte"), nav: "shop" },
  { path: "publishers/:id", load: () => import("./Publisher.svelte"), nav: "shop" },
  // As addresses were before G-code was sold here.
  { path: "plugins/:id", load: () => import("./Listing.svelte"), nav: "shop" },
  { path: "plugins/:id/buy", load: () => import("./Buy.svelte"), nav: "shop" },
  { path: "library", load: () => import("./Library.svelte"), for: "person", nav: "library" },
  { path: "library/purchases", load: () => import("./Purchases.svelte"), for: "person", nav: "library" },
  { path: "library/:id", load: () => import("./Licence.svelte"), for: "person", nav: "library" },
  { path: "library/:id/run", load: () => import("./run/Run.svelte"), for: "person", nav: "library" },
  { path: "purchases/:id", load: () => import("./Purchase.svelte"), for: "person", nav: "library" },
  { path: "purchases/:id/receipt", load: () => import("./Receipt.svelte"), for: "person", nav: "library" },
  { path: "payments/:id", load: () => import("./Payment.svelte"), nav: "library" },
];
