// The `ecdh` v1 key wrap: a fresh ephemeral key, HKDF-SHA256 and AES-256-GCM.
//
// wrapping = HKDF-SHA256(ikm = raw ECDH output, salt, info = "orbpro-marketplace:" + plugin id, 32 bytes); the wrapped
// key is `iv12 ‖ ct32 ‖ tag16` without associated data. The writer's salt is SHA-256 of the recipient's canonical key,
// the reader takes the one in the envelope.

import { concat, viewOptions, wipe } from "./bytes.js";
import { openContent } from "./content.js";
import { counterpart, ephemeral, readEphemeral, readPublicKey } from "./curves.js";
import { readEnvelope, writeEnvelope } from "./envelope.js";
import { SealpostError } from "./error.js";
import { openGcm, sealGcm, viewDek } from "./gcm.js";
import { hkdf, pluginIdBytes, sha256 } from "./hash.js";
import { agreeWith, asWallet } from "./wallet.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./bytes.js").BytesLike} BytesLike */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./envelope.js").Envelope} Envelope */
/** @typedef {import("./wallet.js").WalletLike} WalletLike */
/** @typedef {import("./wallet.js").EcdhFn} EcdhFn */

/** Stands before the plugin id in what the wrapping key is derived for. */
const INFO = new TextEncoder().encode("orbpro-marketplace:");

/**
 * Unwraps the content key with the buyer's private key, or with a wallet that holds it.
 *
 * @param {Envelope} envelope
 * @param {WalletLike | string} buyerPrivateKey bytes, hex digits, a CryptoKey or a wallet; with `ecdhFn`, whatever that takes
 * @param {string} pluginId
 * @param {{ ecdhFn?: EcdhFn }} [options] `ecdhFn(privateKey, publicKey, curve)` gives the raw shared x coordinate, for
 *   keys that stay in a wallet
 * @returns {Promise<Bytes>} the content key, 32 bytes; wipe it (`fill(0)`) when done
 */
export async function unwrapMarketplaceDEK(envelope, buyerPrivateKey, pluginId, options) {
  const { ecdhFn } = viewOptions(options);
  const read = readEnvelope(envelope);
  const info = concat(INFO, pluginIdBytes(pluginId));
  const peer = await readEphemeral(read.curve, read.ephemeralPub);
  const wallet = await asWallet(buyerPrivateKey, { curve: read.curve, ecdhFn });
  if (wallet.curve !== read.curve) {
    throw new SealpostError(
      "envelope_curve",
      `the envelope is for a key on ${read.curve}, the key at hand is on ${wallet.curve}`,
    );
  }
  const shared = await agreeWith(wallet, peer);
  const wrapping = await hkdf(shared, read.salt, info);
  const dek = await openGcm(wrapping, read.wrappedDEK);
  wipe(shared, wrapping);
  if (!dek) {
    throw new SealpostError(
      "envelope_not_for_us",
      "the envelope was made for another key or file, or changed on its way",
    );
  }
  return dek;
}

/**
 * Wraps a content key for another device of the buyer, or for any other public key.
 *
 * @param {BytesLike} dek 32 bytes
 * @param {string | BytesLike} buyerPubkey hex digits or bytes, compressed or not
 * @param {string} pluginId
 * @param {{ curve?: Curve }} [options] the curve of the public key, secp256k1 unless said otherwise
 * @returns {Promise<Envelope>}
 */
export async function wrapMarketplaceDEK(dek, buyerPubkey, pluginId, options) {
  const { curve = "secp256k1" } = viewOptions(options);
  const key = viewDek(dek);
  const info = concat(INFO, pluginIdBytes(pluginId));
  const recipient = await readPublicKey(curve, buyerPubkey);
  const sender = await ephemeral(curve);
  const salt = await sha256(recipient);
  const shared = await sender.agree(await counterpart(curve, recipient));
  sender.dispose();
  const wrapping = await hkdf(shared, salt, info);
  const wrappedDEK = await sealGcm(wrapping, key);
  wipe(shared, wrapping);
  return writeEnvelope({ ephemeralPub: sender.publicKey, wrappedDEK, salt, curve });
}

/**
 * Opens a sealed plugin with its content key. Compare what comes out with the `wasmHash` of the listing, or open a
 * bundle, which does (`openBundle`).
 *
 * @param {string | BytesLike} encryptedPayload raw bytes, or base64
 * @param {BytesLike} dek 32 bytes
 * @returns {Promise<Bytes>}
 */
export async function decryptWithDEK(encryptedPayload, dek) {
  return openContent(encryptedPayload, viewDek(dek));
}
