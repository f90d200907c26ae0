import { badArgument } from "./error.js";
import { cryptography } from "./platform.js";

/**
 * Bytes in memory that nobody shares.
 *
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 */

/**
 * What callers may give where bytes are taken.
 *
 * @typedef {ArrayBuffer | ArrayBufferView} BytesLike
 */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Lower hex.
 *
 * @param {Uint8Array} input
 * @returns {string}
 */
export function toHex(input) {
  let text = "";
  for (const byte of viewBytes(input, "bytes")) text += HEX[byte];
  return text;
}

/**
 * Bytes of hex digits of either case; none where it is something else.
 *
 * @param {unknown} text
 * @returns {Bytes | undefined}
 */
export function fromHex(text) {
  if (typeof text !== "string" || text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/**
 * UTF-8 of well-formed text.
 *
 * @param {string} text
 * @param {string} name of the argument, for the error
 * @returns {Bytes}
 */
export function utf8(text, name) {
  if (typeof text !== "string") throw badArgument(name, "text");
  const bytes = new TextEncoder().encode(text);
  // Half a surrogate pair would be replaced, and two texts would have the same bytes.
  if (/\p{Surrogate}/u.test(text)) throw badArgument(name, "well-formed text");
  return bytes;
}

/**
 * Text of UTF-8; none where it is something else.
 *
 * @param {Uint8Array} bytes
 * @returns {string | undefined}
 */
export function fromUtf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * @param {...Uint8Array} parts
 * @returns {Bytes}
 */
export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * Whether two byte strings are the same, in a time that tells nothing about where they differ.
 *
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 * @returns {boolean}
 */
export function equalBytes(left, right) {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let at = 0; at < left.length; at++) difference |= left[at] ^ right[at];
  return difference === 0;
}

/**
 * Of this window or of another one, which has its own `ArrayBuffer`.
 *
 * @param {unknown} value
 * @returns {value is ArrayBuffer}
 */
export const isArrayBuffer = (value) => Object.prototype.toString.call(value) === "[object ArrayBuffer]";

/**
 * A view of what the caller gave, without a copy unless its memory is shared.
 *
 * @param {unknown} value
 * @param {string} name of the argument, for the error
 * @param {string} [expected]
 * @returns {Bytes}
 */
export function viewBytes(value, name, expected = "bytes (a Uint8Array)") {
  if (isArrayBuffer(value)) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) throw badArgument(name, expected);
  const view = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return view.buffer instanceof ArrayBuffer ? /** @type {Bytes} */ (view) : new Uint8Array(view);
}

/**
 * @param {unknown} value
 * @param {number} length
 * @param {string} name of the argument, for the error
 * @returns {Bytes}
 */
export function viewExactly(value, length, name) {
  const bytes = viewBytes(value, name, `${length} bytes (a Uint8Array)`);
  if (bytes.length !== length) throw badArgument(name, `${length} bytes`);
  return bytes;
}

/**
 * @param {number} length
 * @returns {Bytes}
 */
export function randomBytes(length) {
  return cryptography().getRandomValues(new Uint8Array(length));
}

/**
 * Overwrites what is not needed any more. JavaScript may hold copies nobody can reach; this is for those one can.
 *
 * @param {...(Uint8Array | undefined)} secrets
 */
export function wipe(...secrets) {
  for (const secret of secrets) secret?.fill(0);
}

/**
 * Options that may be left out.
 *
 * @template {object} T
 * @param {T | undefined} options
 * @returns {Partial<T>}
 */
export const viewOptions = (options) =>
  options === undefined ? {} : /** @type {T} */ (viewRecord(options, "options"));

/**
 * @template T
 * @param {readonly T[]} value
 * @param {string} name of the argument, for the error
 * @returns {readonly T[]}
 */
export function viewList(value, name) {
  if (!Array.isArray(value)) throw badArgument(name, "a list");
  return value;
}

/**
 * @param {unknown} value
 * @param {string} name of the argument, for the error
 * @returns {Record<string, unknown>}
 */
export function viewRecord(value, name) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badArgument(name, "an object");
  return /** @type {Record<string, unknown>} */ (value);
}
