import { fail } from "./fail.js";

/**
 * Where a store is. Tokens and purchases go there, so it is `https`, this device itself, the page's own origin, or an
 * address for which plain `http` was allowed on purpose.
 *
 * @param {string | URL | undefined} store the page's own origin where absent
 * @param {boolean} allowHttp
 * @returns {URL}
 */
export function storeUrl(store, allowHttp) {
  const page = globalThis.location?.origin;
  const text = String(store ?? page ?? "");
  const url = URL.canParse(text, page) ? new URL(text, page) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw fail("store_url", "this is not the address of a store", "Give an address such as `https://store.example`.");
  }
  if (url.protocol === "http:" && !allowHttp && !isLoopback(url.hostname) && url.origin !== page) {
    throw fail(
      "store_insecure",
      `${url.origin} would be spoken to without encryption`,
      "Use https, or say `allowHttp: true` for a store in your own network.",
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** @param {string} hostname */
function isLoopback(hostname) {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
