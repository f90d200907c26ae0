import { fromHex, toHex, viewBytes, viewExactly } from "./bytes.js";
import { isEd25519 } from "./curves/curve25519.js";
import { badArgument } from "./error.js";
import { subtle } from "./platform.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * Who signs, by Ed25519: a seed of 32 bytes, a pair of CryptoKeys for Ed25519 whose private key may be unextractable, or
 * whatever else holds the key.
 *
 * @typedef {Uint8Array | CryptoKeyPair | { publicKey: string | Uint8Array, sign: (bytes: Bytes) => Uint8Array | Promise<Uint8Array> }} Signer
 */

const library = async () => (await import("@noble/curves/ed25519.js")).ed25519;

/**
 * @param {Signer} signer
 * @returns {Promise<{ publicKey: string, sign: (bytes: Bytes) => Promise<string> }>} both as lower hex
 */
export async function readSigner(signer) {
  if (ArrayBuffer.isView(signer)) {
    const seed = viewExactly(signer, 32, "signer");
    const ed25519 = await library();
    return { publicKey: toHex(ed25519.getPublicKey(seed)), sign: async (bytes) => toHex(ed25519.sign(bytes, seed)) };
  }
  const { privateKey, publicKey, sign } = /** @type {Record<string, unknown>} */ (signer ?? {});
  if (typeof sign === "function") {
    return {
      publicKey: toHex(readEd25519Key(publicKey, "signer.publicKey")),
      sign: async (bytes) => toHex(viewExactly(await sign.call(signer, bytes), 64, "signature")),
    };
  }
  if (privateKey instanceof CryptoKey && publicKey instanceof CryptoKey && privateKey.algorithm.name === "Ed25519") {
    return {
      publicKey: toHex(new Uint8Array(await subtle().exportKey("raw", publicKey))),
      sign: async (bytes) => toHex(new Uint8Array(await subtle().sign("Ed25519", privateKey, bytes))),
    };
  }
  throw badArgument("signer", "an Ed25519 seed (32 bytes), a pair of CryptoKeys or `{publicKey, sign(bytes)}`");
}

/**
 * An Ed25519 public key of bytes or hex digits. Whether it is a point is found out when it verifies something.
 *
 * @param {unknown} key
 * @param {string} name of the argument, for the error
 * @returns {Bytes}
 */
export function readEd25519Key(key, name) {
  const bytes = typeof key === "string" ? fromHex(key) : viewBytes(key, name, "an Ed25519 public key");
  if (bytes?.length !== 32) throw badArgument(name, "an Ed25519 public key (32 bytes, or 64 hex digits)");
  return bytes;
}

/**
 * Whether a signature is the key's, strictly: keys and signatures that several statements could share, or that one
 * implementation takes and another does not, are refused.
 *
 * @param {Bytes} publicKey
 * @param {Bytes} message
 * @param {Bytes} signature
 * @returns {Promise<boolean>}
 */
export async function isSignature(publicKey, message, signature) {
  if (signature.length !== 64) return false;
  // Platform and library do not agree about points of other orders.
  if (!(await isEd25519(publicKey)) || !(await isEd25519(signature.slice(0, 32)))) return false;
  const key = await importNative(publicKey);
  if (key) return subtle().verify("Ed25519", key, signature, message);
  return (await library()).verify(signature, message, publicKey, { zip215: false });
}

/**
 * The key as the platform takes it, which is faster than the library: none where it has no Ed25519.
 *
 * @param {Bytes} publicKey
 * @returns {Promise<CryptoKey | undefined>}
 */
async function importNative(publicKey) {
  try {
    return await subtle().importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch {
    return undefined;
  }
}
