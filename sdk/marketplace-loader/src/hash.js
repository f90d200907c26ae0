/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** @param {Uint8Array} bytes */
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Whether a plugin's bytes are those that a listing or bundle names.
 *
 * @param {ArrayBuffer | ArrayBufferView} wasmBytes
 * @param {string} expectedHash SHA-256 in hex digits
 * @returns {Promise<boolean>}
 */
export async function verifyPluginHash(wasmBytes, expectedHash) {
  const view = ArrayBuffer.isView(wasmBytes)
    ? new Uint8Array(wasmBytes.buffer, wasmBytes.byteOffset, wasmBytes.byteLength)
    : new Uint8Array(wasmBytes);
  const own = view.buffer instanceof ArrayBuffer ? /** @type {Uint8Array<ArrayBuffer>} */ (view) : new Uint8Array(view);
  return toHex(await sha256(own)) === String(expectedHash).toLowerCase();
}
