// The entries of the navigation, in their order.

import type { IconName } from "../parts/icons";

export interface Entry {
  /** As pages name it in `Route.nav`. */
  key: string;
  label: string;
  path: string[];
  icon: IconName;
  for?: "person" | "operator";
}

export const ENTRIES: Entry[] = [
  { key: "shop", label: "Shop", path: [], icon: "shop" },
  { key: "library", label: "Library", path: ["library"], icon: "library" },
  { key: "printers", label: "Printers", path: ["printers"], icon: "printer", for: "person" },
  { key: "sell", label: "Sell", path: ["sell"], icon: "tag", for: "person" },
  { key: "operate", label: "Store", path: ["operate"], icon: "gear", for: "operator" },
];
