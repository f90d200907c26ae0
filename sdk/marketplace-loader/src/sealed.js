// The content cipher of plugins, `aes-256-gcm`: `iv12 ‖ ct ‖ tag16`, without associated data.

import { fromBase64 } from "./base64.js";
import { fail } from "./fail.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const IV = 12;
const TAG = 16;

/**
 * Holds a content key where scripts cannot read it, and erases the bytes it came in.
 *
 * @param {Uint8Array<ArrayBuffer>} dek
 * @returns {Promise<CryptoKey>}
 */
export async function holdKey(dek) {
  try {
    return await crypto.subtle.importKey("raw", dek, "AES-GCM", false, ["decrypt"]);
  } finally {
    dek.fill(0);
  }
}

/**
 * Decrypts a sealed plugin with its content key. Compare what comes out with its hash (`verifyPluginHash`).
 *
 * @param {string | ArrayBuffer | ArrayBufferView | Blob} encryptedData `iv12 ‖ ct ‖ tag16`: bytes, or base64
 * @param {Uint8Array | ArrayBuffer} dek 32 bytes; stays the caller's to wipe
 * @returns {Promise<Bytes>}
 */
export async function decryptPayload(encryptedData, dek) {
  const copy = new Uint8Array(dek).slice();
  if (copy.length !== 32) throw fail("bad_argument", "`dek` is not 32 bytes");
  return openSealed(await sealedBytes(encryptedData), await holdKey(copy));
}

/**
 * Bytes of a sealed blob as people have it: bytes, base64, a Blob.
 *
 * @param {unknown} data
 * @returns {Promise<Bytes>}
 */
export async function sealedBytes(data) {
  if (typeof data === "string") return fromBase64(data) ?? notSealed(data);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) {
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return view.buffer instanceof ArrayBuffer ? /** @type {Bytes} */ (view) : new Uint8Array(view);
  }
  if (data instanceof Blob) return new Uint8Array(await data.arrayBuffer());
  throw fail("bundle_malformed", "`encryptedData` is neither bytes nor base64", "Give a Uint8Array, or base64 text.");
}

/**
 * Decrypts; nothing is handed out before the tag verified. Bytes that are base64 text of a blob are read too.
 *
 * @param {Bytes} sealed
 * @param {CryptoKey} key
 * @returns {Promise<Bytes>}
 */
export async function openSealed(sealed, key) {
  if (sealed.length < IV + TAG) throw notSealed();
  // Raw bytes can look like base64, so which of the two it is, the tag decides.
  const plain = (await decrypt(sealed, key)) ?? (await decryptText(sealed, key));
  if (plain) return plain;
  throw fail("blob_corrupt", "the blob is damaged, cut short or belongs to another key");
}

/**
 * @param {Bytes} sealed
 * @param {CryptoKey} key
 */
async function decrypt(sealed, key) {
  try {
    const iv = sealed.subarray(0, IV);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed.subarray(IV)));
  } catch {
    return undefined;
  }
}

/**
 * @param {Bytes} sealed
 * @param {CryptoKey} key
 */
async function decryptText(sealed, key) {
  if (!sealed.subarray(0, 64).every((byte) => byte < 128)) return undefined;
  const decoded = fromBase64(new TextDecoder().decode(sealed));
  return decoded && decoded.length >= IV + TAG ? decrypt(decoded, key) : undefined;
}

/**
 * @param {string} [text]
 * @returns {never}
 */
function notSealed(text) {
  const spoilt = text?.includes("\ufffd");
  throw fail(
    "blob_format",
    "this is not a sealed file of cipher `aes-256-gcm`",
    spoilt ? "It was read as text, which spoils bytes: read it by `.arrayBuffer()`, or give `url` or `cid` alone." : undefined,
  );
}
