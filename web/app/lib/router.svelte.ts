// Which page an address is. Addresses are real ones, so they can be kept and sent; the store answers all of them with this page.

import type { Component } from "svelte";

const BASE = "/shop/";

/** One page: its address below `/shop/`, with `:name` for parts that its component gets as properties. */
export interface Route {
  path: string;
  // Each page has properties of its own; what the address gives is text.
  load: () => Promise<{ default: Component<any> }>;
  /** Who may see it; everybody where absent. */
  for?: "person" | "operator";
  /** Key of the entry in the navigation that it belongs to. */
  nav?: string;
}

export interface Found {
  route: Route;
  params: Record<string, string>;
}

let address = $state(location.pathname + location.search);

export const router = {
  get address(): string {
    return address;
  },
  get query(): URLSearchParams {
    return new URL(address, location.origin).searchParams;
  },
};

/** The address of a page. */
export function to(...parts: string[]): string {
  return BASE + parts.map(encodeURIComponent).join("/");
}

export function signInThen(next: string): string {
  return `${to("sign-in")}?next=${encodeURIComponent(next)}`;
}

/** What stood behind the `#` of a page that was left to sign in: a code that an address must not hold meanwhile. */
let left: { address: string; hash: string } | undefined;

/** Where somebody who signed in wants to go: an address of the shop alone, a link must not lead people elsewhere. */
export function next(): string {
  const wanted = router.query.get("next");
  if (!wanted || !URL.canParse(wanted, location.origin)) return to();
  const url = new URL(wanted, location.origin);
  if (url.origin !== location.origin || !url.pathname.startsWith(BASE)) return to();
  const place = url.pathname + url.search;
  return left?.address === place ? place + left.hash : place;
}

// What pages ask before they are left, while something on them would be lost; the latest asks first.
const questions = new Set<{ text: string; applies: () => boolean }>();

const asks = () => [...questions].findLast(({ applies }) => applies());

window.addEventListener("beforeunload", (event) => {
  if (asks()) event.preventDefault();
});

/** Asks before the page is left, by a link, the browser's buttons or by closing it, while `applies`; gives back what ends that. */
export function hold(text: string, applies = () => true): () => void {
  const question = { text, applies };
  questions.add(question);
  return () => void questions.delete(question);
}

/** Whether a person stays where they are rather than going there. */
function stays(path: string): boolean {
  if (new URL(path, location.origin).pathname === new URL(address, location.origin).pathname) return false;
  const question = asks();
  return question !== undefined && !confirm(question.text);
}

export function go(path: string, { replace = false } = {}) {
  if (stays(path)) return;
  if (new URL(path, location.origin).pathname === to("sign-in")) left = { address, hash: location.hash };
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  const before = address.split("?")[0];
  address = path.split("#")[0] ?? path;
  if (address.split("?")[0] !== before) window.scrollTo(0, 0);
}

/** Changes the query alone, in place: filters, tabs, a search. */
export function ask(query: Record<string, string | undefined>) {
  const url = new URL(address, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  go(url.pathname + url.search, { replace: true });
}

/** Takes clicks on links into the shop; whatever the browser does otherwise with them stays. */
export function follow(event: MouseEvent) {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!plain || event.defaultPrevented || !link || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || !link.pathname.startsWith(BASE)) return;
  // Within a page the browser knows the way.
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
}

/** The page of an address, if it has one. */
export function find(routes: Route[], path: string): Found | undefined {
  const parts = new URL(path, location.origin).pathname.slice(BASE.length).split("/").filter(Boolean).map(decode);
  for (const route of routes) {
    const params = match(route.path, parts);
    if (params) return { route, params };
  }
  return undefined;
}

function match(path: string, parts: string[]): Record<string, string> | undefined {
  const wanted = path.split("/").filter(Boolean);
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [place, name] of wanted.entries()) {
    const part = parts[place] ?? "";
    if (name.startsWith(":")) params[name.slice(1)] = part;
    else if (name !== part) return undefined;
  }
  return params;
}

window.addEventListener("popstate", () => {
  // The browser is there already: who stays gets their address back.
  if (stays(location.href)) return history.pushState(null, "", address);
  address = location.pathname + location.search;
});

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
