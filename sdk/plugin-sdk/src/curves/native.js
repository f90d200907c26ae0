// The curves of WebCrypto. Private keys in there are out of reach of scripts; which curves there are differs by platform.

import { concat, equalBytes, fromHex } from "../bytes.js";
import { subtle } from "../platform.js";
import { refusedKey } from "./refused.js";
import { compress, uncompress } from "./sec1.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {"p256" | "p384" | "x25519"} NativeCurve */

const CURVES = {
  p256: {
    algorithm: { name: "ECDH", namedCurve: "P-256" },
    bits: 256,
    // PKCS #8 (RFC 5208, RFC 5915) up to the private key, without the public one.
    head: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
  },
  p384: {
    algorithm: { name: "ECDH", namedCurve: "P-384" },
    bits: 384,
    head: "304e020100301006072a8648ce3d020106052b81040022043730350201010430",
  },
  x25519: {
    algorithm: { name: "X25519" },
    bits: 256,
    head: "302e020100300506032b656e04220420",
  },
};

/** @type {Map<NativeCurve, Promise<boolean>>} */
const present = new Map();

/**
 * Whether the platform makes keys on a curve.
 *
 * @param {NativeCurve} curve
 * @returns {Promise<boolean>}
 */
export function hasNative(curve) {
  let asked = present.get(curve);
  if (!asked) {
    asked = generate(curve).then(
      () => true,
      () => false,
    );
    present.set(curve, asked);
  }
  return asked;
}

/**
 * A fresh key pair, the private key unextractable.
 *
 * @param {NativeCurve} curve
 * @returns {Promise<{ privateKey: CryptoKey, publicKey: Bytes } | undefined>} none where the platform lacks the curve
 */
export async function ephemeralNative(curve) {
  if (!(await hasNative(curve))) return undefined;
  const { privateKey, publicKey } = await generate(curve);
  return { privateKey, publicKey: await exportPublic(curve, publicKey) };
}

/**
 * The canonical bytes of a public key.
 *
 * @param {NativeCurve} curve
 * @param {CryptoKey} publicKey
 * @returns {Promise<Bytes>}
 */
export async function exportPublic(curve, publicKey) {
  const raw = new Uint8Array(await subtle().exportKey("raw", publicKey));
  return curve === "x25519" ? raw : compress(raw);
}

/**
 * Takes over a private key, unextractable.
 *
 * @param {NativeCurve} curve
 * @param {Bytes} secret
 * @returns {Promise<CryptoKey | undefined>} none where the platform does not take it: some want the public key with it
 */
export async function importSecret(curve, secret) {
  return (await takesSecrets(curve)) ? importPkcs8(curve, secret) : undefined;
}

/**
 * The raw x coordinate.
 *
 * @param {NativeCurve} curve
 * @param {CryptoKey} privateKey
 * @param {Bytes} peer canonical
 * @returns {Promise<Bytes>}
 */
export async function agreeNative(curve, privateKey, peer) {
  const { algorithm, bits } = CURVES[curve];
  /** @type {ArrayBuffer} */
  let shared;
  try {
    const raw = curve === "x25519" ? peer : await uncompress(curve, peer);
    const imported = await subtle().importKey("raw", raw, algorithm, false, []);
    shared = await subtle().deriveBits({ name: algorithm.name, public: imported }, privateKey, bits);
  } catch {
    throw refusedKey();
  }
  const bytes = new Uint8Array(shared);
  // Not every platform refuses this by itself. On the other curves x = 0 is a point like any other.
  if (curve === "x25519" && equalBytes(bytes, new Uint8Array(32))) throw refusedKey();
  return bytes;
}

/**
 * @param {NativeCurve} curve
 * @returns {Promise<CryptoKeyPair>}
 */
async function generate(curve) {
  const pair = await subtle().generateKey(CURVES[curve].algorithm, false, ["deriveBits"]);
  return /** @type {CryptoKeyPair} */ (pair);
}

/** @type {Map<NativeCurve, Promise<boolean>>} */
const takes = new Map();

/**
 * Whether the platform takes private keys alone: seen by one that agrees with the base point on what it should.
 *
 * @param {NativeCurve} curve
 * @returns {Promise<boolean>}
 */
function takesSecrets(curve) {
  let asked = takes.get(curve);
  if (!asked) {
    asked = knownAnswer(curve).catch(() => false);
    takes.set(curve, asked);
  }
  return asked;
}

/** The smallest private key; what X25519 makes of it is 2^254. */
const ONE = "00".repeat(31) + "01";

/**
 * @param {NativeCurve} curve
 * @returns {Promise<boolean>}
 */
async function knownAnswer(curve) {
  const ours = await ephemeralNative(curve);
  if (!ours) return false;
  const secret = /** @type {Bytes} */ (fromHex(curve === "p384" ? "00".repeat(16) + ONE : ONE));
  const key = await importPkcs8(curve, secret);
  if (curve !== "x25519") {
    // One times a point is that point.
    const shared = await agreeNative(curve, key, ours.publicKey);
    return equalBytes(shared, ours.publicKey.subarray(1));
  }
  const base = new Uint8Array(32);
  base[0] = 9;
  const there = await agreeNative(curve, key, ours.publicKey);
  const back = await agreeNative(curve, ours.privateKey, await agreeNative(curve, key, base));
  return equalBytes(there, back);
}

/**
 * @param {NativeCurve} curve
 * @param {Bytes} secret
 * @returns {Promise<CryptoKey>}
 */
async function importPkcs8(curve, secret) {
  const { algorithm, head } = CURVES[curve];
  const pkcs8 = concat(/** @type {Bytes} */ (fromHex(head)), secret);
  try {
    return await subtle().importKey("pkcs8", pkcs8, algorithm, false, ["deriveBits"]);
  } finally {
    pkcs8.fill(0);
  }
}
