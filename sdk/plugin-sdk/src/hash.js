import { subtle } from "./platform.js";
import { concat, toHex, utf8 } from "./bytes.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * @param {Bytes} bytes
 * @returns {Promise<Bytes>}
 */
export async function sha256(bytes) {
  return new Uint8Array(await subtle().digest("SHA-256", bytes));
}

/**
 * SHA-256 as lower hex: the form of `wasmHash`.
 *
 * @param {Bytes} bytes
 * @returns {Promise<string>}
 */
export async function sha256Hex(bytes) {
  return toHex(await sha256(bytes));
}

/**
 * @param {Bytes} key
 * @param {Bytes} message
 * @returns {Promise<Bytes>}
 */
export async function hmacSha256(key, message) {
  const imported = await subtle().importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle().sign("HMAC", imported, message));
}

/** Longest `info` that every WebCrypto takes. */
const INFO_LIMIT = 1024;

/**
 * HKDF-SHA256 (RFC 5869), 32 bytes.
 *
 * @param {Bytes} secret
 * @param {Bytes} salt
 * @param {Bytes} info
 * @returns {Promise<Bytes>}
 */
export async function hkdf(secret, salt, info) {
  if (info.length > INFO_LIMIT) {
    // One block of the expansion, which is all that 32 bytes take.
    const extracted = await hmacSha256(salt.length > 0 ? salt : new Uint8Array(32), secret);
    const expanded = await hmacSha256(extracted, concat(info, Uint8Array.of(1)));
    extracted.fill(0);
    return expanded;
  }
  const key = await subtle().importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await subtle().deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, 256));
}

/**
 * UTF-8 of a plugin id, for what is derived for one plugin alone.
 *
 * @param {string} pluginId
 * @returns {Bytes}
 */
export const pluginIdBytes = (pluginId) => utf8(pluginId, "pluginId");
