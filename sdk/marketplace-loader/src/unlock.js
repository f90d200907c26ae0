// From a bundle to its content key, by whatever opens it.

import { SealpostError, findIndexes, unwrapBundle, unwrapMarketplaceDEK } from "@sealpost/plugin-sdk";

import { fail } from "./fail.js";
import { holdKey } from "./sealed.js";

/** @typedef {import("@sealpost/plugin-sdk").Bundle} Bundle */
/** @typedef {import("@sealpost/plugin-sdk").Envelope} Envelope */
/** @typedef {import("@sealpost/plugin-sdk").VerifiedLicence} VerifiedLicence */
/** @typedef {import("@sealpost/plugin-sdk").Wallet} Wallet */
/** @typedef {import("@sealpost/plugin-sdk").WalletLike} WalletLike */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * The content key of an envelope.
 *
 * @param {Envelope} envelope
 * @param {WalletLike} wallet the document's `{privateKey, ecdh(priv, pub)}`, a wallet of plugin-sdk, a CryptoKey
 * @param {string} pluginId
 * @returns {Promise<Bytes>} 32 bytes; wipe them (`fill(0)`) when done
 */
export async function unwrapDEK(envelope, wallet, pluginId) {
  return asked(() => unwrapMarketplaceDEK(envelope, wallet, pluginId));
}

/**
 * What opens a bundle.
 *
 * @typedef {object} Keys
 * @property {WalletLike | null} [wallet]
 * @property {Bytes} [domainKey]
 * @property {VerifiedLicence} [licence] opens by the key it names and by no other
 */

/**
 * The content key of a bundle, held where scripts cannot read it: by the domain's key where one is given and fits, else
 * by the wallet.
 *
 * @param {Bundle} bundle
 * @param {Keys} keys
 * @returns {Promise<CryptoKey>}
 */
export async function unlock(bundle, { wallet, domainKey, licence }) {
  if (domainKey) {
    try {
      const slots = bundle.domainWrappedKeys;
      return await holdKey(
        licence ? await licence.openWithDomainKey(slots, domainKey) : await unwrapBundle(bundle, { domainKey }),
      );
    } catch (error) {
      if (!wallet || !isOf(error, "domain_not_for_us", "bundle_no_domains", "plk_no_domain_slot")) throw error;
    }
  }
  if (!wallet) {
    throw fail(
      "bad_argument",
      "nothing was given that opens the bundle",
      "Give the wallet it was bought with, or `domainKey` for this page's domain.",
    );
  }
  const envelopes = bundle.buyerWrappedKeys;
  const open = (/** @type {WalletLike} */ by) =>
    licence ? licence.openWithLicenseeKey(envelopes, by) : unwrapBundle(bundle, { wallet: by });
  return holdKey(await asked(() => byAnyKey(open, wallet, envelopes)));
}

/**
 * By the key at hand, or by whichever of a wallet's keys an envelope was made for.
 *
 * @param {(wallet: WalletLike) => Promise<Bytes>} open
 * @param {WalletLike} wallet
 * @param {Envelope[]} envelopes
 */
async function byAnyKey(open, wallet, envelopes) {
  try {
    return await open(wallet);
  } catch (error) {
    const isOther = hasMany(wallet) && isOf(error, "bundle_not_for_us", "bundle_no_envelope", "plk_wrong_key");
    const found = isOther ? await keyOf(envelopes, wallet) : undefined;
    if (!found) throw error;
    try {
      return await open(found);
    } finally {
      found.dispose?.();
    }
  }
}

/**
 * @param {Envelope[]} envelopes
 * @param {Wallet} wallet
 * @returns {Promise<Wallet | undefined>}
 */
async function keyOf(envelopes, wallet) {
  const indexes = await findIndexes(envelopes, wallet);
  const at = indexes.findIndex((index) => index !== undefined);
  if (at < 0) return undefined;
  return wallet.key?.(Number(indexes[at]), /** @type {Envelope} */ (envelopes[at]).curve);
}

/**
 * @param {WalletLike} wallet
 * @returns {wallet is Wallet}
 */
function hasMany(wallet) {
  return typeof wallet === "object" && "key" in wallet && typeof wallet.key === "function";
}

/**
 * @param {unknown} error
 * @param {...string} codes
 */
function isOf(error, ...codes) {
  return error instanceof SealpostError && codes.includes(error.code);
}

/**
 * What a wallet throws may quote what it holds.
 *
 * @template T
 * @param {() => Promise<T>} ask
 * @returns {Promise<T>}
 */
async function asked(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof SealpostError) throw error;
    throw fail("envelope_key_holder", "the holder of the private key did not agree on a secret: it failed");
  }
}
