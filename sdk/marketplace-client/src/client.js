import { fetchSealed, loadMarketplacePlugin } from "@sealpost/marketplace-loader";
import { SealpostError, proveKey } from "@sealpost/plugin-sdk";

import { payWithWallet } from "./chain/pay.js";
import { untilPaid, waitForPayment } from "./chain/wait.js";
import { fail } from "./fail.js";
import { publicKeyOfSigner, sealedRelease } from "./publish.js";
import { deviceOf, recipientOf } from "./recipient.js";
import { storeUrl } from "./store-url.js";
import { Transport } from "./transport.js";

/** @typedef {import("@sealpost/marketplace-loader").LoadOptions} LoadOptions */
/** @typedef {import("@sealpost/marketplace-loader").MarketplacePlugin} MarketplacePlugin */
/** @typedef {import("@sealpost/marketplace-loader").SourceOptions} SourceOptions */
/** @typedef {import("@sealpost/plugin-sdk").Envelope} Envelope */
/** @typedef {import("@sealpost/plugin-sdk").Provider} Provider */
/** @typedef {import("@sealpost/plugin-sdk").WalletLike} WalletLike */
/** @typedef {import("./chain/pay.js").Paying} Paying */
/** @typedef {import("./chain/wait.js").Waiting} Waiting */
/** @typedef {import("./publish.js").Version} Version */
/** @typedef {import("./recipient.js").RecipientKey} RecipientKey */
/** @typedef {import("./types.js").ChainBalance} ChainBalance */
/** @typedef {import("./types.js").ChainInfo} ChainInfo */
/** @typedef {import("./types.js").ChainOffer} ChainOffer */
/** @typedef {import("./types.js").Device} Device */
/** @typedef {import("./types.js").Licence} Licence */
/** @typedef {import("./types.js").LinkedKey} LinkedKey */
/** @typedef {import("./types.js").Listing} Listing */
/** @typedef {import("./types.js").ListingPage} ListingPage */
/** @typedef {import("./types.js").PaymentList} PaymentList */
/** @typedef {import("./types.js").Price} Price */
/** @typedef {import("./types.js").PurchaseAnswer} PurchaseAnswer */
/** @typedef {import("./types.js").Release} Release */
/** @typedef {import("./types.js").SignedIn} SignedIn */
/** @typedef {import("./types.js").StoreBundle} StoreBundle */
/** @typedef {import("./types.js").WalletPurchase} WalletPurchase */

/**
 * @typedef {object} ClientOptions
 * @property {string | URL} [store] the store's address; in a page that the store itself serves, that page's
 * @property {string} [token] of an earlier sign-in. It stays in memory: keeping it is the page's affair
 * @property {typeof globalThis.fetch} [fetch] what requests are made with
 * @property {boolean} [allowHttp] speaks plain http to a store that is not on this device
 * @property {number} [retries] how often a request is sent again when the connection is lost (default 3)
 * @property {number} [backoff] first pause before that, in milliseconds, doubled each time (default 300)
 *
 * @typedef {object} Offer what the listing says, where there is none yet
 * @property {string} [title] the manifest's `name` where absent
 * @property {string} [name] the same
 * @property {string} [description]
 * @property {{ amount: string | number, currency: string }} [price] in whole minor units; free where absent
 * @property {number} [devices] that one purchase grants (default 1)
 * @property {boolean} [freeUpdates] whether holders may use later versions too (default true)
 * @property {number} [validDays] how long a licence lasts; for ever where absent
 *
 * @typedef {object} Buying
 * @property {string} [pluginId] what to buy
 * @property {string} [listing] the same, by the listing's id
 * @property {string} [voucher] a code that pays for it
 * @property {"free" | "marked_paid"} [payment] how else it is paid (default `free`); `marked_paid`: the seller says when
 *   the money arrived
 * @property {WalletLike} [wallet] whose key the plugin is for
 * @property {number} [index] which key of the wallet that is, where the wallet does not tell
 * @property {RecipientKey} [recipient] the key itself, in place of a wallet
 * @property {string} [name] what the buyer calls the device
 * @property {string} [txHash] the transaction that paid, on a store that is connected to a chain: waits until it counts
 * @property {Waiting["onPayment"]} [onPayment] told how far that is
 * @property {number} [patience] milliseconds to wait for it (default 30 minutes)
 * @property {number} [every] milliseconds between the first questions about it
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} Opening
 * @property {string | { id: string }} licence
 * @property {WalletLike} [wallet]
 * @property {string | { id: string }} [device] found by the wallet's key where absent
 * @property {string} [version] the newest where absent
 */

/** A store, and who is signed in there. Nobody has to be, for the catalogue and for buying with a wallet. */
export class MarketplaceClient {
  #transport;
  #fetch;
  /** @type {string | undefined} */ #account;

  /** @param {ClientOptions} [options] */
  constructor({ store, token, fetch, allowHttp = false, retries, backoff } = {}) {
    this.#fetch = fetch;
    this.#transport = new Transport({ store: storeUrl(store, allowHttp), fetch, retries, backoff });
    this.#transport.token = token;
  }

  /** Where the store is. */
  get store() {
    return this.#transport.url([]).href;
  }

  /** Whether requests carry a token; the store says whether it still counts. */
  get signedIn() {
    return this.#transport.hasToken;
  }

  /**
   * Signs in. Later requests of this client carry the token.
   *
   * @param {{ email?: string, username?: string, password: string }} who
   * @returns {Promise<SignedIn>}
   */
  async login({ email, username, password }) {
    const path = ["auth", "login"];
    return this.#signedIn(await this.#transport.send({ method: "POST", path, json: { email, username, password } }));
  }

  /**
   * Makes an account and signs in.
   *
   * @param {{ email: string, username?: string, password: string }} who the password has at least 10 characters
   * @returns {Promise<SignedIn>}
   */
  async register({ email, username, password }) {
    const json = { email, username, password };
    return this.#signedIn(await this.#transport.send({ method: "POST", path: api("accounts"), json, once: true }));
  }

  /** Forgets the token, and has the store refuse it from now on. */
  async logout() {
    try {
      if (this.signedIn) await this.#transport.send({ method: "POST", path: ["auth", "logout"] });
    } finally {
      this.#transport.token = undefined;
      this.#account = undefined;
    }
  }

  /**
   * One page of the catalogue, newest first.
   *
   * @param {{ after?: string, limit?: number } & Record<string, string | number | undefined>} [query] `after` is `next` of
   *   the page before
   * @returns {Promise<ListingPage>}
   */
  async listings(query) {
    return this.#transport.send({ method: "GET", path: api("listings"), query });
  }

  /**
   * @param {string} id of the listing, or of its plugin
   * @returns {Promise<Listing>}
   */
  async listing(id) {
    return this.#transport.send({ method: "GET", path: api("listings", id) });
  }

  /**
   * Seals a version here, signs it where a signer is given, and uploads it; makes the listing where there is none yet.
   *
   * @param {Version & Offer} what
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<{ listing: Listing, release: Release, wasmHash: string, cid: string }>}
   */
  async publishPlugin(what, { signal } = {}) {
    const vaultKey = await this.#transport.send({ method: "GET", path: api("vault-key"), signal });
    const { form, wasmHash, cid } = await sealedRelease(what, vaultKey);
    const listing = (await this.#found(what.pluginId)) ?? (await this.#offer(what));
    const release = await this.#transport.send({ method: "POST", path: api("releases"), form, signal });
    return { listing, release, wasmHash, cid };
  }

  /**
   * Takes a release back, or gives it free again. Those who have it keep it.
   *
   * @param {string} release
   * @param {"active" | "yanked"} state
   * @returns {Promise<Release>}
   */
  async setReleaseState(release, state) {
    return this.#transport.send({ method: "PATCH", path: api("releases", release), json: { state } });
  }

  /**
   * A code that pays for a listing of yours.
   *
   * @param {{ listing: string, uses?: number, expires_at?: string }} voucher
   * @returns {Promise<{ code: string, listing: string, uses_left: number, expires_at?: string }>}
   */
  async createVoucher(voucher) {
    return this.#transport.send({ method: "POST", path: api("vouchers"), json: voucher });
  }

  /**
   * Buys for the account that is signed in. With a wallet or a recipient, that is the first device, and its envelope is
   * in the answer as soon as the purchase is paid.
   *
   * @param {Buying} what
   * @returns {Promise<PurchaseAnswer>}
   */
  async purchase({ pluginId, listing = pluginId, voucher, payment = "free", txHash, onPayment, patience, every, signal, ...buyer }) {
    const recipient = await optionalRecipient(buyer);
    const place = (/** @type {object} */ paid) => {
      const json = { listing, payment: paid, ...(recipient && { recipient }) };
      return this.#transport.send({ method: "POST", path: api("purchases"), json, signal });
    };
    if (txHash === undefined) return place(voucher === undefined ? { method: payment } : { method: "voucher", code: voucher });

    const byChain = () => place({ method: "chain", tx_hash: txHash });
    const placed = await byChain().catch(async (error) => {
      if (!buyer.wallet || !isCode(error, "key_not_proved")) throw error;
      await this.linkKey(buyer.wallet);
      return byChain();
    });
    const again = () => this.#transport.send({ method: "GET", path: api("purchases", placed.purchase.id), signal });
    return waitForPayment(placed, again, { onPayment, patience, every, signal });
  }

  /**
   * Buys for a wallet, with or without an account: the licence belongs to its key, and asking again gives the same one.
   * Keep `publisher` of the answer: later versions have to be signed by it too.
   *
   * @param {Omit<Buying, "payment">} what
   * @returns {Promise<WalletPurchase>}
   */
  async purchaseWithWallet({ pluginId, listing = pluginId, voucher, txHash, onPayment, patience, every, signal, ...buyer }) {
    const recipient = await optionalRecipient(buyer);
    if (!recipient) throw fail("bad_argument", "nothing was given to buy for", "Give a `wallet`, or its key as `recipient`.");
    const { public_key: buyerPubkey, curve, index, name } = recipient;
    const json = { buyerPubkey, curve, index, name, pluginId: listing, voucher, txHash };
    // While a payment is pending, each question is a new one: an answer that is repeated would never change.
    const ask = () => this.#transport.send({ method: "POST", path: ["api", "marketplace", "purchase"], json, signal });
    const answer = await (txHash === undefined ? ask() : untilPaid(ask, { onPayment, patience, every, signal }));
    return { ...answer, blobUrl: this.#absolute(answer.blobUrl), bundle: this.#located(answer.bundle) };
  }

  /**
   * The chain that the store sells on.
   *
   * @returns {Promise<ChainInfo>} refused with `chain_not_configured` where there is none
   */
  async chain() {
    return this.#transport.send({ method: "GET", path: api("chain") });
  }

  /**
   * How a version is bought on chain; with a `key`, the calls for the buyer's wallet too.
   *
   * @param {string} listing its id, or its plugin's
   * @param {{ key?: WalletLike | RecipientKey, version?: string }} [options] the newest version where absent
   * @returns {Promise<ChainOffer>}
   */
  async offer(listing, { key, version } = {}) {
    const { curve, public_key } = key === undefined ? {} : await keyOf(key);
    return this.#transport.send({ method: "GET", path: api("listings", listing, "offer"), query: { version, curve, public_key } });
  }

  /**
   * Proves that a wallet's key is the account's: what is paid for that key on chain is this account's from then on.
   *
   * @param {WalletLike} wallet
   * @returns {Promise<{ key: LinkedKey, licences: number }>} with the number of licences that came along
   */
  async linkKey(wallet) {
    const { curve, public_key } = await recipientOf(wallet);
    const account = (this.#account ??= (await this.#transport.send({ method: "GET", path: api("me") })).user_id);
    const json = { curve, public_key };
    const challenge = await this.#transport.send({ method: "POST", path: api("keys", "challenge"), json });
    const answer = await proveKey(challenge, wallet, { store: this.store, account: String(account) });
    return this.#transport.send({ method: "POST", path: api("keys"), json: { ...json, answer } });
  }

  /** @returns {Promise<LinkedKey[]>} the keys that are the account's, newest first */
  async keys() {
    return (await this.#transport.send({ method: "GET", path: api("keys", "mine") })).keys;
  }

  /**
   * Pays for an offer with a wallet of the chain, which is asked to change the chain and to allow a token where that is needed.
   * Whoever pays, pays for the offer's key. The answer comes as soon as the transaction was sent: keep its hash first of all.
   *
   * @param {Provider} provider
   * @param {ChainOffer} offer of {@link offer}, asked with the key
   * @param {Omit<Paying, "chain" | "key"> & { key: WalletLike | RecipientKey, chain?: ChainInfo }} options
   * @returns {Promise<{ txHash: string, account: string }>}
   */
  async payWithWallet(provider, offer, { key, chain, ...options }) {
    return payWithWallet(provider, offer, { ...options, key: await keyOf(key), chain: chain ?? (await this.chain()) });
  }

  /**
   * What the store knows of the payments in a transaction.
   *
   * @param {string} txHash
   * @returns {Promise<PaymentList>}
   */
  async payment(txHash) {
    return this.#transport.send({ method: "GET", path: api("payments", txHash) });
  }

  /**
   * Payments for the account's listings, for all listings where it operates the store.
   *
   * @param {{ listing?: string, after?: string }} [query] `after` is `next` of the page before
   * @returns {Promise<PaymentList>} newest first
   */
  async payments(query) {
    return this.#transport.send({ method: "GET", path: api("payments"), query });
  }

  /**
   * What the contract holds for an address, and the calls that withdraw it.
   *
   * @param {string} address
   * @returns {Promise<ChainBalance[]>} the coin first
   */
  async balances(address) {
    return (await this.#transport.send({ method: "GET", path: api("chain", "balances", address) })).balances;
  }

  /**
   * Sells a listing on chain, to be paid to an address; `null` ends that.
   *
   * @param {string} listing
   * @param {string | null} address
   * @returns {Promise<Listing>}
   */
  async setPayout(listing, address) {
    return this.#transport.send({ method: "PUT", path: api("listings", listing, "payout"), json: { address } });
  }

  /** @returns {Promise<Licence[]>} those of the account, newest first */
  async licences() {
    return (await this.#transport.send({ method: "GET", path: api("licences") })).licences;
  }

  /**
   * @param {string | { id: string }} licence
   * @returns {Promise<Licence>}
   */
  async licence(licence) {
    return this.#transport.send({ method: "GET", path: api("licences", idOf(licence)) });
  }

  /**
   * Takes a licence away, as its seller or the store's operator: no new key from now on.
   *
   * @param {string | { id: string }} licence
   */
  async revokeLicence(licence) {
    return this.#transport.send({ method: "POST", path: api("licences", idOf(licence), "revoke") });
  }

  /**
   * Registers another device of the buyer. The same key again is the same device and counts nothing.
   *
   * @param {string | { id: string }} licence
   * @param {Pick<Buying, "wallet" | "recipient" | "index" | "name">} device
   * @returns {Promise<{ device: Device, envelope: Envelope, cid?: string }>}
   */
  async addDevice(licence, device) {
    const json = await optionalRecipient(device);
    if (!json) throw fail("bad_argument", "no key was given", "Give a `wallet`, or its key as `recipient`.");
    return this.#transport.send({ method: "POST", path: api("licences", idOf(licence), "devices"), json });
  }

  /**
   * The first index of a wallet of many keys that no licence of the account was bought with: `wallet.key(index)`.
   *
   * @returns {Promise<number>}
   */
  async nextIndex() {
    const used = (await this.licences()).flatMap(({ devices }) => (devices ?? []).map(({ index }) => index ?? -1));
    return Math.max(-1, ...used) + 1;
  }

  /**
   * The content key, wrapped for a device that the licence has. Registers none: see {@link addDevice}.
   *
   * @param {Opening} what
   * @returns {Promise<Envelope>}
   */
  async fetchEnvelope(what) {
    const [envelope] = (await this.fetchBundle(what)).buyerWrappedKeys;
    if (envelope) return envelope;
    throw fail("bundle_no_envelope", "the bundle has no envelope for this device");
  }

  /**
   * Everything that opens a plugin but its sealed blob, which is at `blobUrl`.
   *
   * @param {Opening} what
   * @returns {Promise<StoreBundle>}
   */
  async fetchBundle(what) {
    return (await this.#bundle(what)).bundle;
  }

  /**
   * The sealed blob of a bundle or release: with progress, going on where a connection broke, held against its hash.
   *
   * @param {{ blobUrl?: string, blobSha256?: string, id?: string, blob_sha256?: string }} what
   * @param {SourceOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async fetchBlob({ blobUrl, blobSha256, id, blob_sha256 }, options) {
    const path = id === undefined ? undefined : this.#transport.url(api("releases", id, "blob"));
    const source = { blobUrl: blobUrl ?? path, blobSha256: blobSha256 ?? blob_sha256 };
    return fetchSealed(source, { fetch: this.#fetch, baseUrl: this.store, ...options });
  }

  /**
   * Fetches what a licence covers, opens it with the wallet and starts it. It has to be signed by the publisher's key
   * that the store recorded at the purchase, or by `publisherKey` where the page kept that itself.
   *
   * @param {Opening & Omit<LoadOptions, "licence"> & { plk?: LoadOptions["licence"] }} what `plk` is a plugin licence (`$PLK`)
   *   that is to be checked besides, by `issuerKey`
   * @returns {Promise<MarketplacePlugin>}
   */
  async open({ licence, wallet, device, version, plk, ...options }) {
    const { bundle, publisherKey, key } = await this.#bundle({ licence, wallet, device, version });
    return loadMarketplacePlugin(bundle, key, { fetch: this.#fetch, publisherKey, licence: plk, ...options });
  }

  /** @param {Opening} what */
  async #bundle({ licence, wallet, device, version }) {
    const known = await this.licence(licence);
    const found = device !== undefined || !wallet ? undefined : await deviceOf(known.devices ?? [], wallet);
    const id = device === undefined ? found?.device.id : idOf(device);
    if (id === undefined) throw fail("bad_argument", "it was not said for which device", "Give the `wallet` it was bought with.");
    const path = api("licences", known.id, "bundle");
    const bundle = await this.#transport.send({ method: "GET", path, query: { device: id, version } });
    return { bundle: this.#located(bundle), publisherKey: known.publisher_key, key: found?.key ?? wallet };
  }

  /**
   * @param {string} pluginId
   * @returns {Promise<Listing | undefined>}
   */
  async #found(pluginId) {
    try {
      return await this.listing(pluginId);
    } catch (error) {
      const { status } = /** @type {{ status?: number }} */ (error instanceof SealpostError ? (error.detail ?? {}) : {});
      if (status === 404) return undefined;
      throw error;
    }
  }

  /**
   * @param {Version & Offer} what
   * @returns {Promise<Listing>}
   */
  async #offer({ pluginId, manifest, signer, title, name, description, price, devices, freeUpdates, validDays }) {
    const named = title ?? name ?? manifest?.["name"];
    const publisher_key = signer && (await publicKeyOfSigner(signer));
    const json = {
      kind: "plugin",
      title: typeof named === "string" ? named : pluginId,
      description,
      ...(price && { price: { amount: String(price.amount), currency: price.currency } }),
      plugin: { plugin_id: pluginId, devices, publisher_key },
      free_updates: freeUpdates,
      valid_days: validDays,
    };
    return this.#transport.send({ method: "POST", path: api("listings"), json });
  }

  /** @param {SignedIn} answer */
  #signedIn(answer) {
    this.#transport.token = answer.token;
    this.#account = answer.user_id;
    return answer;
  }

  /**
   * @param {StoreBundle} bundle
   * @returns {StoreBundle}
   */
  #located(bundle) {
    return { ...bundle, blobUrl: this.#absolute(bundle.blobUrl) };
  }

  /**
   * The store gives paths from its own root, which may lie below its host's.
   *
   * @param {string} path
   */
  #absolute(path) {
    return new URL(path.replace(/^\/(?!\/)/, "./"), this.store).href;
  }
}

/** @param {...string} path */
const api = (...path) => ["api", "v1", ...path];

/**
 * The public side of a wallet, or a key as it is.
 *
 * @param {WalletLike | RecipientKey} key
 * @returns {Promise<RecipientKey>}
 */
async function keyOf(key) {
  const isPublic = "public_key" in key && !("ecdh" in key);
  return isPublic ? /** @type {RecipientKey} */ (key) : recipientOf(/** @type {WalletLike} */ (key));
}

/**
 * @param {unknown} error
 * @param {string} code
 */
const isCode = (error, code) => error instanceof SealpostError && error.code === code;

/** @param {string | { id: string }} thing */
const idOf = (thing) => (typeof thing === "string" ? thing : thing.id);

/** @param {Pick<Buying, "wallet" | "recipient" | "index" | "name">} buyer */
async function optionalRecipient({ wallet, recipient, index, name }) {
  if (recipient) return { ...recipient, ...(index !== undefined && { index }), ...(name !== undefined && { name }) };
  return wallet && recipientOf(wallet, { index, name });
}
