// Curve25519: X25519 (RFC 7748), and Ed25519 keys as X25519 keys by the birational map of its section 4.1, as libsodium
// converts them.

import { equalBytes, fromHex, randomBytes } from "../bytes.js";
import { refusedKey } from "./refused.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */

/** The reduced u coordinates of points of order 1, 2, 4 and 8, on the curve and its twist. */
const LOW_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
].map((text) => /** @type {Bytes} */ (fromHex(text)));

const library = () => import("@noble/curves/ed25519.js");

/**
 * A u coordinate that is reduced modulo 2^255 - 19.
 *
 * @param {Bytes} u 32 bytes
 * @returns {Bytes}
 */
export function readU(u) {
  const top = u[31] === 0x7f && u.subarray(1, 31).every((byte) => byte === 0xff);
  if (u[31] > 0x7f || (top && u[0] >= 0xed)) throw refusedKey();
  return u.slice();
}

/**
 * A u coordinate to wrap for: reduced, and of no low order.
 *
 * @param {Bytes} u 32 bytes
 * @returns {Bytes}
 */
export function readRecipient(u) {
  const read = readU(u);
  if (LOW_ORDER.some((low) => equalBytes(low, read))) throw refusedKey();
  return read;
}

/**
 * An Ed25519 public key: canonical, and of prime order.
 *
 * @param {Bytes} bytes 32 bytes
 * @returns {Promise<Bytes>}
 */
export async function readEd25519(bytes) {
  if (!(await isEd25519(bytes))) throw refusedKey();
  return bytes.slice();
}

/**
 * Whether these bytes are the one encoding of a point of prime order.
 *
 * @param {Bytes} bytes 32 bytes
 * @returns {Promise<boolean>}
 */
export async function isEd25519(bytes) {
  const { ed25519 } = await library();
  try {
    const point = ed25519.Point.fromBytes(bytes, false);
    return !point.is0() && point.isTorsionFree() && equalBytes(point.toBytes(), bytes);
  } catch {
    return false;
  }
}

/**
 * The u coordinate of a checked Ed25519 public key.
 *
 * @param {Bytes} publicKey
 * @returns {Promise<Bytes>}
 */
export async function fromEd25519(publicKey) {
  return (await library()).ed25519.utils.toMontgomery(publicKey).slice();
}

/**
 * The X25519 private key of an Ed25519 seed: the first half of its SHA-512, clamped.
 *
 * @param {Bytes} seed
 * @returns {Promise<Bytes>}
 */
export async function secretFromSeed(seed) {
  return (await library()).ed25519.utils.toMontgomerySecret(seed).slice();
}

/** @returns {Bytes} */
export const randomSecret = () => randomBytes(32);

/**
 * @param {Bytes} seed
 * @returns {Promise<Bytes>}
 */
export async function ed25519Public(seed) {
  return (await library()).ed25519.getPublicKey(seed).slice();
}

/**
 * @param {Bytes} secret
 * @returns {Promise<Bytes>}
 */
export async function x25519Public(secret) {
  return (await library()).x25519.getPublicKey(secret).slice();
}

/**
 * The raw u coordinate, which is refused when it is zero.
 *
 * @param {Bytes} secret
 * @param {Bytes} peer
 * @returns {Promise<Bytes>}
 */
export async function agree(secret, peer) {
  const { x25519 } = await library();
  try {
    return x25519.getSharedSecret(secret, peer).slice();
  } catch {
    throw refusedKey();
  }
}
