import type { Route } from "../lib/router.svelte";

export const routes: Route[] = [
  { path: "printers", load: () => import("./Printers.svelte"), for: "person", nav: "printers" },
  { path: "printers/add", load: () => import("./Pair.svelte"), for: "person", nav: "printers" },
  { path: "printers/:id", load: () => import("./Printer.svelte"), for: "person", nav: "printers" },
  { path: "jobs", load: () => import("./Jobs.svelte"), for: "person", nav: "printers" },
  { path: "jobs/:id", load: () => import("./Job.svelte"), for: "person", nav: "printers" },
];
