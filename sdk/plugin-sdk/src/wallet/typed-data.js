// What an account signs to make keys (EIP-712), and who signed it.

import { concat, fromHex, toHex, utf8 } from "../bytes.js";
import { keccak256 } from "../chain.js";
import { badArgument } from "../error.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */

/** Read by people in their wallet. Another word of it, and every key is another one. */
const STATEMENT =
  "Make my keys for what I buy in this shop. This moves no money. Whoever has this signature can open everything I buy with " +
  "these keys, so sign it only on the site named below, and never send it to anyone.";

const DOMAIN = { name: "Sealpost", version: "1" };

/** No chain id: the keys are the same whatever chain a wallet happens to be on. */
const TYPES = {
  EIP712Domain: [
    { name: "name", type: "string" },
    { name: "version", type: "string" },
  ],
  KeyRequest: [
    { name: "statement", type: "string" },
    { name: "site", type: "string" },
    { name: "account", type: "address" },
  ],
};

/**
 * The request for `eth_signTypedData_v4`.
 *
 * @param {string} account
 * @param {string} site
 */
export function requestFor(account, site) {
  return { types: TYPES, primaryType: "KeyRequest", domain: DOMAIN, message: { statement: STATEMENT, site, account } };
}

/**
 * What is signed of it.
 *
 * @param {string} account
 * @param {string} site
 * @returns {Promise<Bytes>}
 */
export async function requestDigest(account, site) {
  const domain = await struct("EIP712Domain(string name,string version)", [await text(DOMAIN.name), await text(DOMAIN.version)]);
  const message = await struct("KeyRequest(string statement,string site,address account)", [
    await text(STATEMENT),
    await text(site),
    concat(new Uint8Array(12), /** @type {Bytes} */ (fromHex(account.slice(2)))),
  ]);
  return keccak256(concat(Uint8Array.of(0x19, 0x01), domain, message));
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
 * @param {string} type
 * @param {Bytes[]} words
 */
const struct = async (type, words) => keccak256(concat(await text(type), ...words));

/** @param {string} value */
const text = async (value) => keccak256(utf8(value, "text"));
