// What the marketplace's contract knows things by: items by the hash of their text, buyers by their public key.

import { concat, fromHex, toHex, utf8, viewBytes, viewRecord } from "./bytes.js";
import { readCurve, readPublicKey } from "./curves.js";
import { badArgument } from "./error.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./recipient.js").Recipient} Recipient */

/**
 * Multicodec's prefixes; a bare key is on secp256k1, and begins with 02 or 03.
 *
 * @type {Record<Curve, readonly number[]>}
 */
const PREFIXES = { ed25519: [0xed, 1], p256: [0x80, 0x24], p384: [0x81, 0x24], secp256k1: [], x25519: [0xec, 1] };

/**
 * What the contract calls a version: keccak-256 of `{plugin id}@{version}`.
 *
 * @param {string} text
 * @returns {Promise<string>} `0x` and 64 hex digits
 */
export async function itemId(text) {
  const bytes = utf8(text, "text");
  return `0x${toHex(await keccak256(bytes))}`;
}

/**
 * A buyer's key as the contract takes it: 33 bytes of a compressed point are secp256k1, every other curve says which it is.
 *
 * @param {Recipient} key a wallet, or a key and its curve
 * @returns {Promise<string>} `0x` and hex digits
 */
export async function buyerKeyOnChain(key) {
  const { publicKey, public_key, curve } = viewRecord(key, "key");
  const on = readCurve(curve);
  const bytes = await readPublicKey(on, /** @type {string} */ (publicKey ?? public_key));
  return `0x${toHex(concat(Uint8Array.from(PREFIXES[on]), bytes))}`;
}

/**
 * The key that is written on chain so.
 *
 * @param {string} onChain `0x` and hex digits
 * @returns {Promise<{ curve: Curve, publicKey: string }>}
 */
export async function buyerKeyFromChain(onChain) {
  const bytes = typeof onChain === "string" && onChain.startsWith("0x") ? fromHex(onChain.slice(2)) : undefined;
  if (!bytes) throw badArgument("onChain", "hex digits behind 0x");
  const known = /** @type {[Curve, readonly number[]][]} */ (Object.entries(PREFIXES));
  const [curve, prefix] = known.find(([, sign]) => sign.length > 0 && sign.every((byte, at) => bytes[at] === byte)) ?? [
    /** @type {const} */ ("secp256k1"),
    [],
  ];
  const key = bytes.subarray(prefix.length);
  // One key has one form here: an uncompressed point would be another buyer to the contract.
  const canonical = await readPublicKey(curve, key);
  if (canonical.length !== key.length) throw badArgument("onChain", "a compressed point");
  return { curve, publicKey: toHex(canonical) };
}

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Bytes>}
 */
export async function keccak256(bytes) {
  const { keccak_256 } = await import("@noble/hashes/sha3.js");
  return keccak_256(viewBytes(bytes, "bytes")).slice();
}
