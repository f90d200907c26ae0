// From a bundle to its content key, by whatever opens it.

import { SealpostError, unwrapBundle, unwrapMarketplaceDEK } from "@sealpost/plugin-sdk";

import { fail } from "./fail.js";
import { holdKey } from "./sealed.js";

/** @typedef {import("@sealpost/plugin-sdk").Bundle} Bundle */
/** @typedef {import("@sealpost/plugin-sdk").Envelope} Envelope */
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
 * The content key of a bundle, held where scripts cannot read it: by the domain's key where one is given and fits, else
 * by the wallet.
 *
 * @param {Bundle} bundle
 * @param {WalletLike | null | undefined} wallet
 * @param {Bytes | undefined} domainKey
 * @returns {Promise<CryptoKey>}
 */
export async function unlock(bundle, wallet, domainKey) {
  if (domainKey) {
    try {
      return await holdKey(await unwrapBundle(bundle, { domainKey }));
    } catch (error) {
      if (!wallet || !isOther(error)) throw error;
    }
  }
  if (!wallet) {
    throw fail(
      "bad_argument",
      "nothing was given that opens the bundle",
      "Give the wallet it was bought with, or `domainKey` for this page's domain.",
    );
  }
  return holdKey(await asked(() => unwrapBundle(bundle, { wallet })));
}

/** @param {unknown} error */
function isOther(error) {
  return error instanceof SealpostError && ["domain_not_for_us", "bundle_no_domains"].includes(error.code);
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
