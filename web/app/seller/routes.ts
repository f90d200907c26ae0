import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [
  { path: "sales", load: () => import("./Sales.svelte"), for: "person", nav: "sell" },
];
