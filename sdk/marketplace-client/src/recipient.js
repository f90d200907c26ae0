// Whom a store wraps a content key for.

import { SealpostError, asWallet, publicKeyOf, readPublicKey } from "@sealpost/plugin-sdk";

import { fail } from "./fail.js";

/** @typedef {import("@sealpost/plugin-sdk").Curve} Curve */
/** @typedef {import("@sealpost/plugin-sdk").Wallet} Wallet */
/** @typedef {import("@sealpost/plugin-sdk").WalletLike} WalletLike */
/** @typedef {import("./types.js").Device} Device */

/**
 * A public key as the store takes it.
 *
 * @typedef {object} RecipientKey
 * @property {Curve} curve
 * @property {string} public_key lower hex
 * @property {number} [index] which key of the wallet it is
 * @property {string} [name] what its owner calls the device
 */

/**
 * The public side of a wallet. Its private key stays where it is.
 *
 * @param {WalletLike} wallet
 * @param {{ name?: string, index?: number }} [about]
 * @returns {Promise<RecipientKey>}
 */
export async function recipientOf(wallet, { name, index } = {}) {
  const opened = await asWallet(wallet);
  const { curve } = opened;
  const publicKey = opened.publicKey ?? (await computed(wallet, curve));
  const own = /** @type {{ index?: unknown }} */ (opened).index;
  const number = index ?? (typeof own === "number" ? own : undefined);
  return {
    curve,
    public_key: toHex(await readPublicKey(curve, publicKey)),
    ...(number !== undefined && { index: number }),
    ...(name !== undefined && { name }),
  };
}

/**
 * The device of a licence that a wallet holds the key of, and that key.
 *
 * @param {readonly Device[]} devices
 * @param {WalletLike} wallet
 * @returns {Promise<{ device: Device, key: WalletLike }>}
 */
export async function deviceOf(devices, wallet) {
  const own = await recipientOf(wallet);
  const same = (/** @type {Device} */ device, /** @type {string | undefined} */ key) => device.public_key === key;
  const found = devices.find((device) => device.curve === own.curve && same(device, own.public_key));
  if (found) return { device: found, key: wallet };
  for (const device of devices) {
    const key = await keyAt(wallet, device);
    if (key && same(device, key.publicKey)) return { device, key };
    key?.dispose?.();
  }
  throw fail(
    "device_unknown",
    "this wallet's key is none of the licence's devices",
    "Use the wallet it was bought with, or add this one by `addDevice`.",
  );
}

/**
 * The key of a wallet of many that was noted with a device.
 *
 * @param {WalletLike} wallet
 * @param {Device} device
 * @returns {Promise<Wallet | undefined>}
 */
async function keyAt(wallet, { index, curve }) {
  if (index === undefined || index === null || !("key" in wallet) || typeof wallet.key !== "function") return undefined;
  try {
    return await wallet.key(index, curve);
  } catch (error) {
    if (error instanceof SealpostError) return undefined;
    throw error;
  }
}

/**
 * @param {unknown} wallet
 * @param {Curve} curve
 */
async function computed(wallet, curve) {
  const { privateKey } = /** @type {{ privateKey?: unknown }} */ (wallet);
  if (privateKey instanceof Uint8Array || privateKey instanceof ArrayBuffer) {
    return publicKeyOf(curve, new Uint8Array(privateKey));
  }
  throw fail(
    "wallet_no_public_key",
    "the wallet does not tell its public key",
    "Give a pair of CryptoKeys, a wallet with `publicKey`, or name the key as `recipient`.",
  );
}

/** @param {Uint8Array} bytes */
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
