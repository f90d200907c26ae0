// Which page an address is. Addresses are real ones, so they can be kept and sent; the store answers all of them with this page.

const BASE = "/shop/";

export type Route =
  | { page: "catalogue" }
  | { page: "listing"; id: string }
  | { page: "buy"; id: string }
  | { page: "sign-in"; next: string }
  | { page: "library" }
  | { page: "licence"; id: string }
  | { page: "run"; id: string }
  | { page: "payment"; id: string }
  | { page: "sales" }
  | { page: "unknown" };

let address = $state(location.pathname + location.search);

export const router = {
  get route(): Route {
    return read(address);
  },
  get address(): string {
    return address;
  },
};

/** The address of a page. */
export function to(...parts: string[]): string {
  return BASE + parts.map(encodeURIComponent).join("/");
}

export function signInThen(next: string): string {
  return `${to("sign-in")}?next=${encodeURIComponent(next)}`;
}

export function go(path: string, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  address = path;
  window.scrollTo(0, 0);
}

/** Takes clicks on links into the shop; whatever the browser does otherwise with them stays. */
export function follow(event: MouseEvent) {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!plain || event.defaultPrevented || !link || link.target || link.origin !== location.origin) return;
  if (!link.pathname.startsWith(BASE)) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

window.addEventListener("popstate", () => {
  address = location.pathname + location.search;
});

function read(path: string): Route {
  const { pathname, searchParams } = new URL(path, location.origin);
  const parts = pathname.slice(BASE.length).split("/").filter(Boolean).map(decode);
  const [area, id, what, more] = parts;
  if (area === undefined) return { page: "catalogue" };
  if (area === "sign-in" && id === undefined) return { page: "sign-in", next: within(searchParams.get("next")) };
  if (area === "plugins" && id !== undefined && more === undefined) {
    if (what === undefined) return { page: "listing", id };
    if (what === "buy") return { page: "buy", id };
  }
  if (area === "library" && more === undefined) {
    if (id === undefined) return { page: "library" };
    if (what === undefined) return { page: "licence", id };
    if (what === "run") return { page: "run", id };
  }
  if (area === "payments" && id !== undefined && what === undefined) return { page: "payment", id: id.toLowerCase() };
  if (area === "sales" && id === undefined) return { page: "sales" };
  return { page: "unknown" };
}

/** An address of the shop alone: a link must not lead people elsewhere after they signed in. */
function within(next: string | null): string {
  if (!next || !URL.canParse(next, location.origin)) return to("library");
  const url = new URL(next, location.origin);
  return url.origin === location.origin && url.pathname.startsWith(BASE) ? url.pathname + url.search : to("library");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
