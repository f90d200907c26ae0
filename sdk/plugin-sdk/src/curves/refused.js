import { SealpostError } from "../error.js";

/**
 * A public key nobody should agree on a secret with.
 *
 * @param {string} [message]
 * @param {string} [hint]
 * @returns {SealpostError}
 */
export function refusedKey(message = "the public key is not usable on its curve", hint) {
  return new SealpostError("envelope_public_key", message, { hint });
}

/**
 * @param {string} curve
 * @param {number} found bytes
 * @returns {SealpostError}
 */
export function refusedLength(curve, found) {
  return refusedKey(
    `a public key of ${found} bytes is none on ${curve}`,
    "Public keys have 33 bytes (secp256k1, p256), 49 (p384) or 32 (x25519, ed25519), or are uncompressed points.",
  );
}

/**
 * @param {string} curve
 * @returns {SealpostError}
 */
export function refusedSecret(curve) {
  return new SealpostError("envelope_secret_key", `the private key is not usable on ${curve}`);
}
