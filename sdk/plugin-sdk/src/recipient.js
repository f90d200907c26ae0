import { viewRecord } from "./bytes.js";
import { readCurve } from "./curves.js";

/** @typedef {import("./bytes.js").BytesLike} BytesLike */
/** @typedef {import("./curves.js").Curve} Curve */

/**
 * Whom a content key is wrapped for: hex digits of a secp256k1 key, or a key and its curve. A wallet is one too.
 *
 * @typedef {string | { publicKey?: string | BytesLike, public_key?: string, curve?: Curve }} Recipient
 */

/**
 * @param {Recipient} recipient
 * @returns {{ publicKey: unknown, curve: Curve }}
 */
export function readRecipient(recipient) {
  if (typeof recipient === "string") return { publicKey: recipient, curve: "secp256k1" };
  const { publicKey, public_key, curve = "secp256k1" } = viewRecord(recipient, "buyer");
  return { publicKey: publicKey ?? public_key, curve: readCurve(curve) };
}
