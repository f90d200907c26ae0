// A wallet on the right chain, and what it sends.

import { askProvider } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";
import { readQuantity } from "./abi.js";

/** @typedef {import("@sealpost/plugin-sdk").Provider} Provider */
/** @typedef {import("../types.js").ChainCall} ChainCall */
/** @typedef {{ status: string, logs?: { address: string, topics: string[], data: string }[] }} Receipt */

/** Milliseconds between looks at a transaction, and until nobody waits for it any longer. */
const LOOK = 1000;
const LONGEST_LOOK = 6000;
const PATIENCE = 20 * 60_000;
/** So many looks have to see another transaction in its place: the nodes behind a wallet may know different blocks. */
const SURE = 3;

/**
 * The account that a wallet shows to the page; its owner is asked the first time.
 *
 * @param {Provider} provider
 * @param {string} [wanted] the account that it has to be
 * @returns {Promise<string>} lower hex
 */
export async function accountOf(provider, wanted) {
  return chooseAccount(await accountsOf(provider), wanted === undefined ? [] : [wanted]);
}

/**
 * The accounts that a wallet shows to the page, the one in use first.
 *
 * @param {Provider} provider
 * @returns {Promise<string[]>} lower hex
 */
export async function accountsOf(provider) {
  const answer = await askProvider(provider, "eth_requestAccounts");
  const accounts = (Array.isArray(answer) ? answer : []).filter((each) => /^0x[0-9a-fA-F]{40}$/.test(each));
  if (accounts.length > 0) return accounts.map((each) => each.toLowerCase());
  throw fail("wallet_locked", "the wallet shows no account", "Unlock it, and let it show an account to the page.");
}

/**
 * @param {string[]} shown
 * @param {string[]} wanted one of these, in this order; any where there are none
 */
export function chooseAccount(shown, wanted) {
  const [found] = wanted.length === 0 ? shown : wanted.map((each) => each.toLowerCase()).filter((each) => shown.includes(each));
  if (found !== undefined) return found;
  throw fail(
    "wallet_other_account",
    `the wallet does not show the account ${wanted.join(" or ")}`,
    "Choose that account in the wallet, and try again.",
  );
}

/**
 * Has the wallet change to a chain, where it is on another one.
 *
 * @param {Provider} provider
 * @param {number} chainId
 */
export async function switchTo(provider, chainId) {
  if ((await chainOf(provider)) === chainId) return;
  await askProvider(provider, "wallet_switchEthereumChain", [{ chainId: `0x${chainId.toString(16)}` }]);
  await stayOn(provider, chainId);
}

/**
 * Asks the wallet to sign and send a call.
 *
 * @param {Provider} provider
 * @param {ChainCall} call
 * @param {string} from
 * @returns {Promise<string>} hash of the transaction
 */
export async function send(provider, call, from) {
  // Its owner may have changed it meanwhile, and the same address may be anything on another chain.
  await stayOn(provider, call.chain_id);
  const { to, data, value } = call;
  const hash = await askProvider(provider, "eth_sendTransaction", [{ from, to, data, value }]);
  if (typeof hash !== "string" || !/^0x[0-9a-fA-F]{64}$/.test(hash)) {
    throw fail("wallet_failed", "the wallet gave no transaction", "Look into the wallet whether something was sent before you try again.");
  }
  return hash.toLowerCase();
}

/**
 * Waits until a transaction is in a block. One that failed there is an error, and one that the wallet replaced by another, unless
 * what it was for came to pass all the same.
 *
 * @param {Provider} provider
 * @param {string} hash
 * @param {object} [options]
 * @param {string} [options.account] who sent it
 * @param {() => Promise<boolean>} [options.holds] whether the chain has what it was for
 * @param {number} [options.patience] milliseconds
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<Receipt | undefined>} nothing where it came to pass by another transaction
 */
export async function inBlock(provider, hash, { account, holds = async () => false, patience = PATIENCE, signal } = {}) {
  const end = Date.now() + patience;
  /** @type {bigint | undefined} */
  let nonce;
  let replaced = 0;
  for (let pause = LOOK; ; pause = Math.min(pause * 1.5, LONGEST_LOOK)) {
    signal?.throwIfAborted();
    // Asked before the receipt: a number that is used up now is used by this one, or by another.
    nonce ??= await nonceOf(provider, hash);
    const passed = account !== undefined && nonce !== undefined && (await sentBy(provider, account)) > nonce;
    const receipt = await askProvider(provider, "eth_getTransactionReceipt", [hash]);
    if (receipt) {
      if (readQuantity(receipt.status) === 1n) return receipt;
      throw fail("transaction_failed", "the transaction failed in its block", "Nothing was paid but its gas. Try again.", { hash });
    }
    if (await holds()) return undefined;
    replaced = passed ? replaced + 1 : 0;
    if (replaced >= SURE) {
      throw fail("transaction_replaced", "the wallet sent another transaction in its place", "Look into the wallet what it sent, and load the page again.", { hash });
    }
    if (Date.now() + pause > end) {
      throw fail("transaction_waiting", "the transaction has not come into a block", "It may still come. Look into the wallet: there it can be sped up or cancelled.", { hash });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/**
 * A whole number that a contract says.
 *
 * @param {Provider} provider
 * @param {string} to
 * @param {string} data
 */
export async function view(provider, to, data) {
  return readQuantity(await askProvider(provider, "eth_call", [{ to, data }, "latest"]));
}

/**
 * @param {Provider} provider
 * @param {string} hash
 */
async function nonceOf(provider, hash) {
  // Not every wallet answers that, and none has to.
  const found = await askProvider(provider, "eth_getTransactionByHash", [hash]).catch(() => undefined);
  return found?.nonce === undefined ? undefined : readQuantity(found.nonce);
}

/**
 * How many transactions of an account are in blocks.
 *
 * @param {Provider} provider
 * @param {string} account
 */
async function sentBy(provider, account) {
  return readQuantity(await askProvider(provider, "eth_getTransactionCount", [account, "latest"]));
}

/**
 * @param {Provider} provider
 * @param {number} chainId
 */
async function stayOn(provider, chainId) {
  const now = await chainOf(provider);
  if (now === chainId) return;
  throw fail("wallet_wrong_chain", `the wallet is on chain ${now}, not on ${chainId}`, "Choose the chain in the wallet, and try again.");
}

/** @param {Provider} provider */
async function chainOf(provider) {
  const id = await askProvider(provider, "eth_chainId");
  return Number(readQuantity(typeof id === "number" ? `0x${id.toString(16)}` : id));
}
