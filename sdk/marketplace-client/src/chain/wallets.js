// The wallets of this browser: those that announce themselves (EIP-6963), and the one that older wallets put into the page.

/** @typedef {import("@sealpost/plugin-sdk").Provider} Provider */

/**
 * @typedef {object} BrowserWallet
 * @property {string} id the same for as long as the page lives
 * @property {string} name as the wallet calls itself: any wallet can call itself anything
 * @property {string} [rdns] such as `io.metamask`
 * @property {Provider} provider
 */

/** Longest name that is shown. */
const NAME = 60;
/** Of the wallet that did not announce itself. */
const OLDER = "window.ethereum";

/**
 * The wallets that answer within a moment.
 *
 * @param {{ patience?: number }} [options] milliseconds (default 250)
 * @returns {Promise<BrowserWallet[]>}
 */
export async function discoverWallets({ patience = 250 } = {}) {
  /** @type {BrowserWallet[]} */
  let found = [];
  const stop = watchWallets((wallets) => (found = wallets));
  await new Promise((resolve) => setTimeout(resolve, patience));
  stop();
  return found;
}

/**
 * Tells of the wallets that are there, at once and whenever one more announces itself.
 *
 * @param {(wallets: BrowserWallet[]) => void} listener
 * @returns {() => void} what ends it
 */
export function watchWallets(listener) {
  const page = /** @type {any} */ (globalThis);
  if (typeof page.addEventListener !== "function") {
    listener([]);
    return () => {};
  }
  /** @type {Map<string, BrowserWallet>} */
  const announced = new Map();
  const tell = () => {
    const older = page.ethereum;
    const isNew = typeof older?.request === "function" && ![...announced.values()].some(({ provider }) => provider === older);
    // Most wallets do both: what announces itself is known by its name.
    const extra = isNew && announced.size === 0 ? [{ id: OLDER, name: "Wallet of this browser", provider: older }] : [];
    listener([...announced.values(), ...extra]);
  };
  const hear = (/** @type {any} */ event) => {
    const { info, provider } = event.detail ?? {};
    if (typeof provider?.request !== "function" || typeof info?.uuid !== "string" || announced.has(info.uuid)) return;
    const name = typeof info.name === "string" && info.name.trim() !== "" ? info.name.trim().slice(0, NAME) : "A wallet";
    const rdns = typeof info.rdns === "string" ? info.rdns.slice(0, NAME) : undefined;
    announced.set(info.uuid, { id: info.uuid, name, ...(rdns && { rdns }), provider });
    tell();
  };
  page.addEventListener("eip6963:announceProvider", hear);
  page.dispatchEvent(new Event("eip6963:requestProvider"));
  if (announced.size === 0) tell();
  return () => page.removeEventListener("eip6963:announceProvider", hear);
}
