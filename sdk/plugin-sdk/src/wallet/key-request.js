// What an account signs to make keys, and who signed it.
//
// The text is that of a sign-in (ERC-4361), signed by `personal_sign`: wallets that know the form hold the site that it names
// against the page that asks, and warn of another one. Nonce and time are fixed, so that the same account signs the same text each time.

import { concat, fromHex, toHex, utf8 } from "../bytes.js";
import { keccak256 } from "../chain.js";
import { badArgument } from "../error.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */

/** Read by people in their wallet. Another letter of this or of what is below, and every key is another one. */
const STATEMENT =
  "Make my keys for what I buy in this shop. This moves no money. Whoever has this signature can open everything I buy with " +
  "these keys, so sign it only on the site named above, and never send it to anyone.";

/** The keys are the same whatever chain a wallet happens to be on; the form asks for one. */
const CHAIN_ID = 1;
const NONCE = "SealpostKeys1";
const ISSUED_AT = "2026-01-01T00:00:00Z";

/**
 * The text that is signed.
 *
 * @param {string} account lower hex
 * @param {string} site an origin
 * @returns {Promise<string>}
 */
export async function requestText(account, site) {
  // Without the scheme: wallets that read the older form of the text would take one with it for any text.
  const { host } = new URL(site);
  return [
    `${host} wants you to sign in with your Ethereum account:`,
    await checksummed(account),
    "",
    STATEMENT,
    "",
    `URI: ${site}`,
    "Version: 1",
    `Chain ID: ${CHAIN_ID}`,
    `Nonce: ${NONCE}`,
    `Issued At: ${ISSUED_AT}`,
  ].join("\n");
}

/**
 * What `personal_sign` signs of a text (ERC-191).
 *
 * @param {Bytes} text
 * @returns {Promise<Bytes>}
 */
export async function textDigest(text) {
  return keccak256(concat(utf8(`\x19Ethereum Signed Message:\n${text.length}`, "text"), text));
}

/**
 * The account that made a signature; none where nobody could have.
 *
 * @param {Bytes} digest
 * @param {Bytes} signature 65 bytes: r, s and which of two points
 * @returns {Promise<string | undefined>}
 */
export async function signerOf(digest, signature) {
  const { secp256k1 } = await import("@noble/curves/secp256k1.js");
  const parity = signature[64] >= 27 ? signature[64] - 27 : signature[64];
  if (parity > 1) return undefined;
  try {
    const recoverable = concat(Uint8Array.of(parity), signature.subarray(0, 64));
    const key = secp256k1.recoverPublicKey(recoverable, digest, { prehash: false });
    const point = secp256k1.Point.fromBytes(key).toBytes(false);
    return `0x${toHex((await keccak256(point.subarray(1))).subarray(12))}`;
  } catch {
    return undefined;
  }
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/**
 * Of the two signatures that say the same, the one that chains take: whichever a signer gives, the keys are the same.
 *
 * @param {Uint8Array} signature r and s, 64 bytes
 * @returns {Bytes}
 */
export function withLowS(signature) {
  const low = Uint8Array.from(signature);
  const s = BigInt(`0x${toHex(low.subarray(32))}`);
  if (s > ORDER / 2n) low.set(/** @type {Bytes} */ (fromHex((ORDER - s).toString(16).padStart(64, "0"))), 32);
  return low;
}

/**
 * An address in lower hex.
 *
 * @param {unknown} address
 * @returns {string}
 */
export function readAddress(address) {
  if (typeof address !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(address)) throw badArgument("account", "an address");
  return address.toLowerCase();
}

/**
 * An address as people compare it (EIP-55).
 *
 * @param {string} address lower hex
 * @returns {Promise<string>}
 */
async function checksummed(address) {
  const digits = address.slice(2);
  const hash = toHex(await keccak256(utf8(digits, "address")));
  return `0x${[...digits].map((digit, at) => (Number.parseInt(hash[at], 16) >= 8 ? digit.toUpperCase() : digit)).join("")}`;
}
