// What the catalogue is asked for, kept in the address, and what it answered, kept while the page lives: whoever comes back finds it as
// they left it.

import { ask, path } from "../lib/ask";
import { tidied } from "./manifest";
import type { Listing } from "../lib/types";

export interface Asked {
  q?: string;
  kind?: string;
  material?: string;
  free?: string;
  max?: string;
  currency?: string;
  sort?: string;
  publisher?: string;
}

export interface Found {
  listings: Listing[];
  next?: string;
  /** How far down somebody was. */
  scrolled: number;
}

export interface Facet {
  name: string;
  count: number;
}

export interface Facets {
  kinds: Facet[];
  materials: Facet[];
  currencies: Facet[];
  free: number;
}

export const SORTS: Record<string, string> = {
  newest: "Newest first",
  popular: "Most bought",
  rating: "Best rated",
  price: "Cheapest first",
  price_down: "Dearest first",
};

const PAGE = 24;
const KEPT_MOST = 12;
const NAMES = ["q", "kind", "material", "free", "max", "currency", "sort", "publisher"] as const;
const kept = new Map<string, Found>();

/** What an address asks for. */
export function asked(query: URLSearchParams): Asked {
  return Object.fromEntries(NAMES.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : [])));
}

export function isFiltered({ sort: _, publisher: __, ...rest }: Asked): boolean {
  return Object.values(rest).some(Boolean);
}

export function remembered(wanted: Asked): Found | undefined {
  return kept.get(keyOf(wanted));
}

export function remember(wanted: Asked, found: Found) {
  kept.delete(keyOf(wanted));
  kept.set(keyOf(wanted), found);
  for (const key of kept.keys()) if (kept.size > KEPT_MOST) kept.delete(key);
}

export async function browse(wanted: Asked, after?: string, signal?: AbortSignal): Promise<Found> {
  const { max, currency, q, kind, material, free, sort, publisher } = wanted;
  const most = max && currency ? minor(max, currency) : undefined;
  const query = { q, kind, material, free: free && "true", sort, publisher, after, limit: PAGE, ...(most && { max_price: most, currency }) };
  const page = await ask<{ listings: Listing[]; next?: string }>("GET", path(["listings"], query), { signal });
  return { listings: page.listings.map(tidied), next: page.next, scrolled: 0 };
}

export function facets(): Promise<Facets> {
  return ask("GET", path(["catalogue"]));
}

/** Minor units of an amount as people type it; nothing where it is none. */
function minor(text: string, currency: string): string | undefined {
  const found = /^\s*(\d+)(?:[.,](\d*))?\s*$/.exec(text);
  if (!found) return undefined;
  const decimals = decimalsOf(currency);
  const digits = `${found[1]}${(found[2] ?? "").slice(0, decimals).padEnd(decimals, "0")}`;
  return digits.replace(/^0+(?=\d)/, "");
}

/** As the store counts them. */
function decimalsOf(currency: string): number {
  const known: Record<number, string> = {
    0: "JPY KRW CLP ISK VND XAF XOF XPF PYG UGX RWF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    6: "USDC USDT EURC",
    8: "BTC WBTC CBBTC HBAR",
    18: "ETH WETH DAI POL MATIC BNB AVAX XDAI CELO",
  };
  const found = Object.entries(known).find(([, all]) => all.split(" ").includes(currency));
  return found ? Number(found[0]) : 2;
}

function keyOf(wanted: Asked): string {
  return JSON.stringify(NAMES.map((name) => wanted[name] ?? ""));
}

/** Somebody whose listings are shown. */
export interface Publisher {
  id: string;
  name: string;
  /** What they say of themselves, empty where they say nothing. */
  about: string;
}

export function publisher(id: string): Promise<Publisher> {
  return ask("GET", path(["publishers", id]));
}
