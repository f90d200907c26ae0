// The proof that somebody holds a private key, by what it can do best: open an envelope. No signature is made with a key that
// envelopes are for.
//
// context = "sealpost-key:" + origin of the store + ":" + account id, which is the envelope's plugin id;
// answer = hex of HMAC-SHA256(the 32 bytes that were wrapped, "sealpost-key-proof-v1\n" + context).

import { toHex, utf8, viewOptions, viewRecord, wipe } from "./bytes.js";
import { unwrapMarketplaceDEK } from "./ecies.js";
import { SealpostError, badArgument } from "./error.js";
import { hmacSha256 } from "./hash.js";

/** @typedef {import("./envelope.js").Envelope} Envelope */
/** @typedef {import("./wallet.js").WalletLike} WalletLike */

/**
 * Answers a store's challenge to prove a key.
 *
 * The context is made here: a challenge that was made for another store or account is refused and not answered, so that
 * nobody can pass on theirs.
 *
 * @param {Envelope | { envelope: Envelope, context?: string }} challenge the envelope, or the store's answer that holds it
 * @param {WalletLike} wallet
 * @param {{ store?: string | URL, account: string }} whose the store's address (in a page, its own where absent) and the
 *   id of the account that the key is to belong to
 * @returns {Promise<string>} the answer, lower hex
 */
export async function proveKey(challenge, wallet, whose) {
  const given = viewRecord(challenge, "challenge");
  const { store, account } = viewOptions(whose);
  const context = contextOf(store, account);
  if (given.context !== undefined && given.context !== context) throw elsewhere();
  const envelope = /** @type {Envelope} */ (given.envelope ?? challenge);
  const secret = await unwrapMarketplaceDEK(envelope, wallet, context).catch((error) => {
    throw error instanceof SealpostError && error.code === "envelope_not_for_us" ? elsewhere() : error;
  });
  const answer = await hmacSha256(secret, utf8(`sealpost-key-proof-v1\n${context}`, "context"));
  wipe(secret);
  return toHex(answer);
}

/**
 * @param {unknown} store
 * @param {unknown} account
 * @returns {string}
 */
function contextOf(store, account) {
  const text = String(store ?? globalThis.location?.origin ?? "");
  if (!URL.canParse(text) || new URL(text).origin === "null") throw badArgument("store", "the address of a store");
  // With anything else in it, such as a colon, another store's and account's context could read the same.
  if (typeof account !== "string" || !/^[A-Za-z0-9_]+$/.test(account)) {
    throw badArgument("account", "the id of an account (letters, digits and `_`)");
  }
  return `sealpost-key:${new URL(text).origin}:${account}`;
}

const elsewhere = () =>
  new SealpostError("key_proof_elsewhere", "the challenge was made for another key, store or account, and was not answered");
