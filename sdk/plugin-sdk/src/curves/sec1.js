// The curves whose points are written by SEC1, by @noble/curves.

import { refusedKey } from "./refused.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {"p256" | "p384" | "secp256k1"} Sec1Curve */

/** A page that knows one curve only loads no other. */
const LIBRARIES = {
  p256: async () => (await import("@noble/curves/nist.js")).p256,
  p384: async () => (await import("@noble/curves/nist.js")).p384,
  secp256k1: async () => (await import("@noble/curves/secp256k1.js")).secp256k1,
};

/**
 * A checked point in compressed form.
 *
 * @param {Sec1Curve} curve
 * @param {Bytes} bytes compressed or uncompressed
 * @returns {Promise<Bytes>}
 */
export async function readPoint(curve, bytes) {
  const compressed = curve === "p384" ? 49 : 33;
  // Of SEC1's other forms libraries know some: the identity, hybrid, compact.
  const known = bytes.length === compressed ? bytes[0] === 2 || bytes[0] === 3 : bytes[0] === 4;
  if (!known) throw refusedKey();
  const { Point } = await LIBRARIES[curve]();
  try {
    const point = Point.fromBytes(bytes);
    point.assertValidity();
    return point.toBytes(true).slice();
  } catch {
    throw refusedKey();
  }
}

/**
 * The same point uncompressed, as WebCrypto reads it.
 *
 * @param {Sec1Curve} curve
 * @param {Bytes} point
 * @returns {Promise<Bytes>}
 */
export async function uncompress(curve, point) {
  const { Point } = await LIBRARIES[curve]();
  return Point.fromBytes(point).toBytes(false).slice();
}

/**
 * @param {Bytes} point uncompressed, off no curve
 * @returns {Bytes}
 */
export function compress(point) {
  const length = (point.length - 1) / 2;
  const compressed = point.slice(0, 1 + length);
  compressed[0] = 2 | (point[point.length - 1] & 1);
  return compressed;
}

/**
 * @param {Sec1Curve} curve
 * @param {Bytes} secret
 * @returns {Promise<boolean>}
 */
export async function isSecret(curve, secret) {
  return (await LIBRARIES[curve]()).utils.isValidSecretKey(secret);
}

/**
 * @param {Sec1Curve} curve
 * @returns {Promise<Bytes>}
 */
export async function randomSecret(curve) {
  return (await LIBRARIES[curve]()).utils.randomSecretKey().slice();
}

/**
 * @param {Sec1Curve} curve
 * @param {Bytes} secret which was checked
 * @returns {Promise<Bytes>}
 */
export async function publicKeyOf(curve, secret) {
  return (await LIBRARIES[curve]()).getPublicKey(secret, true).slice();
}

/**
 * The raw x coordinate.
 *
 * @param {Sec1Curve} curve
 * @param {Bytes} secret which was checked
 * @param {Bytes} peer
 * @returns {Promise<Bytes>}
 */
export async function agree(curve, secret, peer) {
  const library = await LIBRARIES[curve]();
  try {
    const point = library.getSharedSecret(secret, peer, true);
    const x = point.slice(1);
    point.fill(0);
    return x;
  } catch {
    throw refusedKey();
  }
}
