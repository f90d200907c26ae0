// The client's functions under the document's names, for pages that need one of them once.

import { MarketplaceClient } from "./client.js";

/** @typedef {import("./client.js").Buying} Buying */
/** @typedef {import("./client.js").ClientOptions} ClientOptions */
/** @typedef {import("./client.js").Offer} Offer */
/** @typedef {import("./client.js").Opening} Opening */
/** @typedef {import("@sealpost/plugin-sdk").Envelope} Envelope */
/** @typedef {import("./types.js").WalletPurchase} WalletPurchase */
/** @typedef {import("./publish.js").Version} Version */

/**
 * Publishes a version of a plugin: `MarketplaceClient.publishPlugin`.
 *
 * @param {ClientOptions & Version & Offer} what `token` is the publisher's
 * @returns {ReturnType<MarketplaceClient["publishPlugin"]>}
 */
export async function publishPlugin(what) {
  return client(what).publishPlugin(what);
}

/**
 * Buys for a wallet; with `txHash`, the transaction that paid: `MarketplaceClient.purchaseWithWallet`.
 *
 * @param {ClientOptions & Omit<Buying, "payment">} what
 * @returns {Promise<WalletPurchase>}
 */
export async function purchase(what) {
  return client(what).purchaseWithWallet(what);
}

/**
 * The envelope of a licence for a wallet's key: `MarketplaceClient.fetchEnvelope`.
 *
 * @param {ClientOptions & Opening} what `token` is the buyer's
 * @returns {Promise<Envelope>}
 */
export async function fetchEnvelope(what) {
  return client(what).fetchEnvelope(what);
}

/** @param {ClientOptions} options */
function client({ store, token, fetch, allowHttp, retries, backoff }) {
  return new MarketplaceClient({ store, token, fetch, allowHttp, retries, backoff });
}
