import { fromBase64 } from "./base64.js";
import { viewBytes } from "./bytes.js";
import { SealpostError } from "./error.js";
import { IV, TAG, openGcm, sealGcm } from "./gcm.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/** Most bytes of a sealed plugin: AES-256-GCM opens a file as a whole. */
export const WHOLE_LIMIT = 64 << 20;

/**
 * `iv12 ‖ ct ‖ tag16` (cipher `aes-256-gcm`).
 *
 * @param {unknown} data
 * @param {Bytes} dek
 * @returns {Promise<Bytes>}
 */
export async function sealContent(data, dek) {
  const plain = viewBytes(data, "data");
  if (plain.length > WHOLE_LIMIT - IV - TAG) throw tooLarge();
  return sealGcm(dek, plain);
}

/**
 * Opens raw bytes, or base64 as text or as the bytes of it. Nothing is handed out before the tag verified.
 *
 * @param {unknown} sealed
 * @param {Bytes} dek
 * @returns {Promise<Bytes>}
 */
export async function openContent(sealed, dek) {
  if (typeof sealed === "string") return open(decoded(sealed) ?? notSealed(), dek);
  const bytes = viewBytes(sealed, "encryptedData", "sealed data (a Uint8Array, or base64)");
  if (bytes.length > base64Length(WHOLE_LIMIT)) throw tooLarge();
  // Raw bytes can look like base64, so which of the two it is, the tag decides.
  const raw = bytes.length < IV + TAG || bytes.length > WHOLE_LIMIT ? undefined : await openGcm(dek, bytes);
  if (raw) return raw;
  const text = isBase64Text(bytes) ? decoded(new TextDecoder().decode(bytes)) : undefined;
  if (text) return open(text, dek);
  if (bytes.length > WHOLE_LIMIT) throw tooLarge();
  if (bytes.length < IV + TAG) notSealed();
  throw corrupt();
}

/**
 * Sealed data of its base64, whatever spaces are around it.
 *
 * @param {string} text
 * @returns {Bytes | undefined}
 */
export function decoded(text) {
  const trimmed = text.trim();
  if (trimmed.length > base64Length(WHOLE_LIMIT)) throw tooLarge();
  return fromBase64(trimmed);
}

/**
 * @param {Bytes} sealed
 * @param {Bytes} dek
 * @returns {Promise<Bytes>}
 */
async function open(sealed, dek) {
  if (sealed.length > WHOLE_LIMIT) throw tooLarge();
  if (sealed.length < IV + TAG) notSealed();
  const plain = await openGcm(dek, sealed);
  if (!plain) throw corrupt();
  return plain;
}

/** @param {number} bytes */
const base64Length = (bytes) => Math.ceil(bytes / 3) * 4;

/** @param {Bytes} bytes */
function isBase64Text(bytes) {
  return bytes.every(
    (byte) =>
      (byte >= 0x30 && byte <= 0x39) ||
      (byte >= 0x41 && byte <= 0x5a) ||
      (byte >= 0x61 && byte <= 0x7a) ||
      byte === 0x2b ||
      byte === 0x2f ||
      byte === 0x3d ||
      byte === 0x20 ||
      (byte >= 0x09 && byte <= 0x0d),
  );
}

/** @returns {never} */
function notSealed() {
  throw new SealpostError("blob_format", "this is not a sealed file of cipher `aes-256-gcm`");
}

const corrupt = () => new SealpostError("blob_corrupt", "the blob is damaged, cut short or belongs to another key");

const tooLarge = () =>
  new SealpostError("blob_too_large", `a blob of this cipher may hold at most ${WHOLE_LIMIT} bytes`);
