// A release, sealed where its publisher is: the store gets a sealed blob, and the content key wrapped for its vault.

import { blobCid, encryptForMarketplace, fromBase64, signRelease, toHex, wrapDEKForBuyer } from "@sealpost/plugin-sdk";

import { fail } from "./fail.js";

/** @typedef {import("@sealpost/plugin-sdk").Curve} Curve */
/** @typedef {import("@sealpost/plugin-sdk").Signer} Signer */

/** What a module begins with: `\0asm`, version 1. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/**
 * A version of a plugin.
 *
 * @typedef {object} Version
 * @property {string} pluginId such as `com.publisher.my-plugin`
 * @property {string} version such as `1.0.0`
 * @property {Uint8Array | ArrayBuffer | Blob} wasm the module
 * @property {Record<string, unknown>} [manifest] what travels with it; what plugins declare is in docs/plugin-interface.md
 * @property {Signer} [signer] the publisher's Ed25519 key: a seed of 32 bytes, a pair of CryptoKeys, or
 *   `{publicKey, sign(bytes)}`. Without one the release is unsigned, and buyers have to allow that
 * @property {string} [notes] what is new in it; plain text
 */

/**
 * Both parts of an upload.
 *
 * @param {Version} what
 * @param {{ curve: string, public_key: string }} vaultKey
 * @returns {Promise<{ form: FormData, wasmHash: string, cid: string }>}
 */
export async function sealedRelease({ pluginId, version, wasm, manifest = {}, signer, notes }, vaultKey) {
  const plain = await bytesOf(wasm);
  const wasmHash = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", plain)));
  const { encryptedData, dek } = await encryptForMarketplace(plain);
  const envelope = await wrapDEKForBuyer(
    dek,
    vaultKey.public_key,
    /** @type {Curve} */ (vaultKey.curve),
    `vault:${wasmHash}`,
  ).finally(() => dek.fill(0));
  const blob = /** @type {Uint8Array<ArrayBuffer>} */ (fromBase64(encryptedData));
  const cid = await blobCid(blob);
  const statement = /** @type {const} */ ({
    listing: pluginId,
    version,
    cid,
    plain_sha256: wasmHash,
    cipher: "aes-256-gcm",
    manifest,
  });
  const signed = signer && (await signRelease(statement, signer));
  const release = {
    listing: pluginId,
    version,
    manifest,
    cid,
    ...(notes && { notes }),
    ...(signed && { signature: signed.signature }),
    sealed: { cipher: "aes-256-gcm", envelope, plain_sha256: wasmHash, plain_size: plain.length },
  };
  const form = new FormData();
  form.append("release", new Blob([JSON.stringify(release)], { type: "application/json" }));
  form.append("file", new Blob([blob], { type: "application/octet-stream" }), "plugin.sealed");
  return { form, wasmHash, cid };
}

/**
 * The Ed25519 public key of a signer, lower hex.
 *
 * @param {Signer} signer
 * @returns {Promise<string>}
 */
export async function publicKeyOfSigner(signer) {
  const nothing = { listing: "", version: "", plain_sha256: "00".repeat(32), cipher: /** @type {const} */ ("aes-256-gcm"), manifest: {} };
  return (await signRelease(nothing, signer)).publisher;
}

/**
 * @param {Version["wasm"]} wasm
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function bytesOf(wasm) {
  const bytes = new Uint8Array(wasm instanceof Blob ? await wasm.arrayBuffer() : wasm);
  if (MAGIC.every((byte, at) => bytes[at] === byte)) return bytes;
  throw fail("not_wasm", "`wasm` is not a WebAssembly module", "Give the bytes of the `.wasm` file, not its text or address.");
}
