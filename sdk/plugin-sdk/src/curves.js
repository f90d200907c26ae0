import { fromHex, viewBytes, wipe } from "./bytes.js";
import * as curve25519 from "./curves/curve25519.js";
import { agreeNative, ephemeralNative, importSecret } from "./curves/native.js";
import { refusedKey, refusedLength, refusedSecret } from "./curves/refused.js";
import * as sec1 from "./curves/sec1.js";
import { SealpostError } from "./error.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/** @typedef {"ed25519" | "p256" | "p384" | "secp256k1" | "x25519"} Curve */

/**
 * Every curve, in the order of their names.
 *
 * @type {readonly Curve[]}
 */
export const CURVES = Object.freeze(["ed25519", "p256", "p384", "secp256k1", "x25519"]);

/**
 * @param {unknown} name
 * @returns {Curve}
 */
export function readCurve(name) {
  const curve = CURVES.find((known) => known === name);
  if (curve) return curve;
  const found = typeof name === "string" ? JSON.stringify(name.slice(0, 40)) : `a ${typeof name}`;
  throw new SealpostError(
    "envelope_unknown_curve",
    `there is no curve ${found} here: ed25519, p256, p384, secp256k1 and x25519 are known`,
  );
}

/**
 * Bytes of a private key.
 *
 * @param {Curve} curve
 * @returns {number}
 */
export const secretLength = (curve) => (curve === "p384" ? 48 : 32);

/**
 * Bytes of a public key in canonical form.
 *
 * @param {Curve} curve
 * @returns {number}
 */
export const publicLength = (curve) => (curve === "p384" ? 49 : curve === "p256" || curve === "secp256k1" ? 33 : 32);

/**
 * The curve of the sender's key in an envelope: Ed25519 recipients are wrapped for by their X25519 counterpart.
 *
 * @param {Curve} curve
 * @returns {Exclude<Curve, "ed25519">}
 */
export const ephemeralCurve = (curve) => (curve === "ed25519" ? "x25519" : curve);

/**
 * Reads a public key and gives its canonical bytes: SEC1 compressed, or 32 bytes.
 *
 * Uncompressed points are read. Refused are other lengths and forms, points off the curve, the identity, a u coordinate
 * that is not reduced or of low order, and Ed25519 points that are not canonical or not of prime order.
 *
 * @param {Curve} curve
 * @param {unknown} publicKey bytes, or hex digits of either case
 * @returns {Promise<Bytes>}
 */
export async function readPublicKey(curve, publicKey) {
  const bytes = publicBytes(readCurve(curve), publicKey);
  if (curve === "ed25519") return curve25519.readEd25519(bytes);
  if (curve === "x25519") return curve25519.readRecipient(bytes);
  return sec1.readPoint(curve, bytes);
}

/**
 * Reads the sender's key of an envelope, in canonical form. One of low order is found out by what it agrees on.
 *
 * @param {Curve} curve that of the envelope
 * @param {unknown} publicKey
 * @returns {Promise<Bytes>}
 */
export async function readEphemeral(curve, publicKey) {
  const on = ephemeralCurve(curve);
  const bytes = publicBytes(on, publicKey);
  return on === "x25519" ? curve25519.readU(bytes) : sec1.readPoint(on, bytes);
}

/**
 * A fresh private key. The caller wipes it.
 *
 * @param {Curve} curve
 * @returns {Promise<Bytes>}
 */
export async function generateSecretKey(curve) {
  readCurve(curve);
  return curve === "ed25519" || curve === "x25519" ? curve25519.randomSecret() : sec1.randomSecret(curve);
}

/**
 * The canonical public key of a private key.
 *
 * @param {Curve} curve
 * @param {Uint8Array} secret big-endian scalar, 32 bytes for X25519, the seed for Ed25519
 * @returns {Promise<Bytes>}
 */
export async function publicKeyOf(curve, secret) {
  const bytes = await readSecret(curve, secret);
  if (curve === "ed25519") return curve25519.ed25519Public(bytes);
  if (curve === "x25519") return curve25519.x25519Public(bytes);
  return sec1.publicKeyOf(curve, bytes);
}

/**
 * Checks a private key, and gives a view of it.
 *
 * @param {Curve} curve
 * @param {unknown} secret
 * @returns {Promise<Bytes>}
 */
export async function readSecret(curve, secret) {
  readCurve(curve);
  const bytes = viewBytes(secret, "privateKey");
  if (bytes.length !== secretLength(curve)) throw refusedSecret(curve);
  if (curve !== "ed25519" && curve !== "x25519" && !(await sec1.isSecret(curve, bytes))) throw refusedSecret(curve);
  return bytes;
}

/**
 * What agrees on secrets: by WebCrypto where the platform has the curve, whose memory scripts cannot read, else with a
 * copy of the key that `dispose` wipes.
 *
 * @typedef {object} Agreement
 * @property {(peer: Bytes) => Promise<Bytes>} agree the raw shared x coordinate with a canonical public key, on
 *   {@link ephemeralCurve}
 * @property {() => void} dispose
 */

/**
 * @param {Curve} curve
 * @param {Bytes} secret which was read by {@link readSecret}; the caller may wipe its own copy
 * @returns {Promise<Agreement>}
 */
export async function agreement(curve, secret) {
  const on = ephemeralCurve(curve);
  const scalar = curve === "ed25519" ? await curve25519.secretFromSeed(secret) : secret.slice();
  if (on !== "secp256k1") {
    const key = await importSecret(on, scalar);
    if (key) {
      wipe(scalar);
      return { agree: (peer) => agreeNative(on, key, peer), dispose: () => {} };
    }
  }
  return {
    agree: async (peer) => (on === "x25519" ? curve25519.agree(scalar, peer) : sec1.agree(on, scalar, peer)),
    dispose: () => wipe(scalar),
  };
}

/**
 * A fresh key for one envelope.
 *
 * @param {Curve} curve that of the recipient
 * @returns {Promise<Agreement & { publicKey: Bytes }>}
 */
export async function ephemeral(curve) {
  const on = ephemeralCurve(curve);
  if (on !== "secp256k1") {
    const native = await ephemeralNative(on);
    if (native) {
      const { privateKey, publicKey } = native;
      return { publicKey, agree: (peer) => agreeNative(on, privateKey, peer), dispose: () => {} };
    }
  }
  const secret = await generateSecretKey(on);
  try {
    return { publicKey: await publicKeyOf(on, secret), ...(await agreement(on, secret)) };
  } finally {
    wipe(secret);
  }
}

/**
 * The public key to agree with for a recipient: the X25519 counterpart of an Ed25519 key, else the key itself.
 *
 * @param {Curve} curve
 * @param {Bytes} publicKey canonical
 * @returns {Promise<Bytes>}
 */
export async function counterpart(curve, publicKey) {
  return curve === "ed25519" ? curve25519.fromEd25519(publicKey) : publicKey;
}

/**
 * @param {Curve} curve
 * @param {unknown} publicKey
 * @returns {Bytes}
 */
function publicBytes(curve, publicKey) {
  if (typeof publicKey !== "string") {
    const bytes = viewBytes(publicKey, "publicKey", "a public key (hex digits or a Uint8Array)");
    return checkLength(curve, bytes);
  }
  const bytes = fromHex(publicKey);
  if (!bytes) {
    throw refusedKey(
      "the public key is not written in hex digits",
      "Write the public key as hex, without a 0x in front.",
    );
  }
  return checkLength(curve, bytes);
}

/**
 * @param {Curve} curve
 * @param {Bytes} bytes
 * @returns {Bytes}
 */
function checkLength(curve, bytes) {
  const compressed = publicLength(curve);
  const uncompressed = compressed === 32 ? 32 : 2 * compressed - 1;
  if (bytes.length !== compressed && bytes.length !== uncompressed) throw refusedLength(curve, bytes.length);
  return bytes;
}
