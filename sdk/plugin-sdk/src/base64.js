import { viewBytes } from "./bytes.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Int8Array(128).fill(-1);
for (let value = 0; value < 64; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

const DIGITS = new TextEncoder().encode(ALPHABET);
const PADDING = 0x3d;

/**
 * Standard base64 with padding.
 *
 * @param {Uint8Array} input
 * @returns {string}
 */
export function toBase64(input) {
  const bytes = viewBytes(input, "bytes");
  const native = /** @type {{ toBase64?: () => string }} */ (/** @type {unknown} */ (bytes));
  if (native.toBase64) return native.toBase64();
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PADDING);
  for (let at = 0, to = 0; at < bytes.length; at += 3, to += 4) {
    const second = bytes[at + 1] ?? 0;
    const third = bytes[at + 2] ?? 0;
    text[to] = DIGITS[bytes[at] >> 2];
    text[to + 1] = DIGITS[((bytes[at] & 3) << 4) | (second >> 4)];
    if (at + 1 < bytes.length) text[to + 2] = DIGITS[((second & 15) << 2) | (third >> 6)];
    if (at + 2 < bytes.length) text[to + 3] = DIGITS[third & 63];
  }
  return new TextDecoder().decode(text);
}

/**
 * Bytes of standard base64; none where it is something else. Padding is asked for, as are zeros behind the last bit:
 * bytes have one text only.
 *
 * @param {unknown} text
 * @returns {Bytes | undefined}
 */
export function fromBase64(text) {
  if (typeof text !== "string" || text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const length = (text.length / 4) * 3 - padding;
  return native(text, length) ?? byHand(text, text.length - padding, length);
}

/**
 * What newer platforms do by themselves, many times faster. They skip spaces: then it is not that long.
 *
 * @param {string} text
 * @param {number} length
 * @returns {Bytes | undefined}
 */
function native(text, length) {
  const { fromBase64: read } = /** @type {{ fromBase64?: (text: string, options: object) => Bytes }} */ (
    /** @type {unknown} */ (Uint8Array)
  );
  if (!read) return undefined;
  try {
    const bytes = read.call(Uint8Array, text, { lastChunkHandling: "strict" });
    return bytes.length === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} text
 * @param {number} digits without the padding
 * @param {number} length
 * @returns {Bytes | undefined}
 */
function byHand(text, digits, length) {
  const bytes = new Uint8Array(length);
  let bits = 0;
  let held = 0;
  let to = 0;
  for (let at = 0; at < digits; at++) {
    const code = text.charCodeAt(at);
    const value = code < 128 ? VALUES[code] : -1;
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xfff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[to++] = bits >> held;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : undefined;
}
