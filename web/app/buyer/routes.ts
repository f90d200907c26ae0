import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [
  { path: "", load: () => import("./Catalogue.svelte"), nav: "shop" },
  { path: "plugins/:id", load: () => import("./Listing.svelte"), nav: "shop" },
  { path: "plugins/:id/buy", load: () => import("./Buy.svelte"), for: "person", nav: "shop" },
  { path: "library", load: () => import("./Library.svelte"), for: "person", nav: "library" },
  { path: "library/:id", load: () => import("./Licence.svelte"), for: "person", nav: "library" },
  { path: "library/:id/run", load: () => import("./run/Run.svelte"), for: "person", nav: "library" },
  { path: "payments/:id", load: () => import("./Payment.svelte"), nav: "library" },
];
