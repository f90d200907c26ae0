// A wallet on the right chain, and what it sends.

import { askProvider } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";
import { readQuantity } from "./abi.js";

/** @typedef {import("@sealpost/plugin-sdk").Provider} Provider */
/** @typedef {import("../types.js").ChainCall} ChainCall */

/** Milliseconds between looks at a transaction. */
const LOOK = 1000;
const LONGEST_LOOK = 6000;

/**
 * The account that a wallet shows to the page; its owner is asked the first time.
 *
 * @param {Provider} provider
 * @param {string} [wanted] the account that it has to be
 * @returns {Promise<string>} lower hex
 */
export async function accountOf(provider, wanted) {
  const answer = await askProvider(provider, "eth_requestAccounts");
  const accounts = (Array.isArray(answer) ? answer : []).filter((each) => /^0x[0-9a-fA-F]{40}$/.test(each));
  const shown = accounts.map((each) => each.toLowerCase());
  const found = wanted === undefined ? shown[0] : shown.find((each) => each === wanted.toLowerCase());
  if (found !== undefined) return found;
  if (wanted === undefined) throw fail("wallet_locked", "the wallet shows no account", "Unlock it, and let it show an account to the page.");
  throw fail("wallet_other_account", `the wallet does not show the account ${wanted}`, "Choose that account in the wallet, and try again.");
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
 * Waits until a transaction is in a block. One that failed there is an error.
 *
 * @param {Provider} provider
 * @param {string} hash
 * @param {AbortSignal} [signal]
 */
export async function inBlock(provider, hash, signal) {
  for (let pause = LOOK; ; pause = Math.min(pause * 1.5, LONGEST_LOOK)) {
    signal?.throwIfAborted();
    const receipt = await askProvider(provider, "eth_getTransactionReceipt", [hash]);
    if (receipt) {
      if (readQuantity(receipt.status) === 1n) return;
      throw fail("transaction_failed", "the transaction failed in its block", "Nothing was paid but its gas. Try again.", { hash });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
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
