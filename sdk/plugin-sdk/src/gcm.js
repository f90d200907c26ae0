import { concat, randomBytes, viewExactly } from "./bytes.js";
import { subtle } from "./platform.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/** Bytes of the IV, in front. */
export const IV = 12;
/** Bytes of the tag, behind. */
export const TAG = 16;
/** Bytes of a content key. */
export const DEK = 32;
/** Bytes of a wrapped content key. */
export const SLOT = IV + DEK + TAG;

/**
 * `iv12 ‖ ct ‖ tag16` by AES-256-GCM without associated data.
 *
 * @param {Bytes} key 32 bytes
 * @param {Bytes} plain
 * @param {Bytes} [iv] fresh unless a test gives one
 * @returns {Promise<Bytes>}
 */
export async function sealGcm(key, plain, iv = randomBytes(IV)) {
  const imported = await subtle().importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  return concat(iv, new Uint8Array(await subtle().encrypt({ name: "AES-GCM", iv }, imported, plain)));
}

/**
 * Opens what {@link sealGcm} makes; none where the key is another or a byte changed.
 *
 * @param {Bytes} key 32 bytes
 * @param {Bytes} sealed at least IV and tag
 * @returns {Promise<Bytes | undefined>}
 */
export async function openGcm(key, sealed) {
  const imported = await subtle().importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const iv = sealed.subarray(0, IV);
  try {
    return new Uint8Array(await subtle().decrypt({ name: "AES-GCM", iv }, imported, sealed.subarray(IV)));
  } catch {
    return undefined;
  }
}

/**
 * @param {unknown} dek
 * @param {string} [name] of the argument, for the error
 * @returns {Bytes}
 */
export const viewDek = (dek, name = "dek") => viewExactly(dek, DEK, name);
