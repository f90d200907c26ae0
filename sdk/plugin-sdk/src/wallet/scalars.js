// From uniform bytes, or from the scalar of a wallet's index, to the private keys of the five curves.

import { fromHex, toHex } from "../bytes.js";
import { subtle } from "../platform.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("../curves.js").Curve} Curve */

/** The orders of the groups (SEC 2). */
const ORDERS = {
  p256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  p384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  secp256k1: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
};

const P384_INFO = new TextEncoder().encode("sealpost/p384/v1");

/**
 * The private key of a curve for an index's scalar: itself, and stretched for P-384 by
 * HKDF-SHA384(scalar, no salt, "sealpost/p384/v1", 48).
 *
 * @param {Curve} curve
 * @param {Bytes} scalar 32 bytes
 * @returns {Promise<Bytes>}
 */
export async function secretOfScalar(curve, scalar) {
  if (curve !== "p384") return scalar.slice();
  const key = await subtle().importKey("raw", scalar, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-384", salt: new Uint8Array(), info: P384_INFO };
  const wide = new Uint8Array(await subtle().deriveBits(parameters, key, 384));
  const secret = reduce("p384", wide);
  wide.fill(0);
  return secret;
}

/**
 * `wide mod (n-1) + 1`, which is never zero. With bytes enough beyond those of the order (for P-384, which lies close to
 * a power of two, with as many) no key is noticeably more likely than another.
 *
 * @param {keyof typeof ORDERS} curve
 * @param {Bytes} wide big endian
 * @returns {Bytes}
 */
export function reduce(curve, wide) {
  const number = BigInt(`0x${toHex(wide)}`);
  const secret = (number % (ORDERS[curve] - 1n)) + 1n;
  return /** @type {Bytes} */ (fromHex(secret.toString(16).padStart(curve === "p384" ? 96 : 64, "0")));
}
