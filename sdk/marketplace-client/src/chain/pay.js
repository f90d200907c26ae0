// Paying for a version on chain with a wallet. What a store prepared is checked before the wallet sees it: chain, contract,
// item, key and amount have to be those that were shown, byte by byte.

import { askProvider, buyerKeyOnChain, itemId } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";
import { allowanceData, approveData, balanceData, purchaseData, readQuantity, selector, verifyData, withdrawData } from "./abi.js";
import { accountOf, inBlock, send, switchTo } from "./wallet.js";

/** @typedef {import("@sealpost/plugin-sdk").Curve} Curve */
/** @typedef {import("@sealpost/plugin-sdk").Provider} Provider */
/** @typedef {import("../types.js").ChainCall} ChainCall */
/** @typedef {import("../types.js").ChainInfo} ChainInfo */
/** @typedef {import("../types.js").ChainOffer} ChainOffer */

/**
 * What happens, in order. `approving` and `sent` carry a transaction: keep that of `sent` before anything else.
 *
 * @typedef {{ name: "connect" | "switch" | "check" | "approve" | "confirm" }
 *   | { name: "approving" | "sent", txHash: string, account: string }} PayState
 *
 * @typedef {object} Paying
 * @property {ChainInfo} chain what the store sells on
 * @property {{ curve: Curve, publicKey?: string, public_key?: string }} key the buyer's key that the offer was asked for
 * @property {string} [account] address to pay with; the first that the wallet shows where absent
 * @property {(state: PayState) => void} [onState]
 * @property {AbortSignal} [signal] ends the waiting; what was sent stays sent
 */

/**
 * Pays: connects the wallet, has it change the chain, allows the contract to take a token's price where it may not yet, and buys.
 *
 * @param {Provider} provider
 * @param {ChainOffer} offer with the calls for `key`
 * @param {Paying} options
 * @returns {Promise<{ txHash: string, account: string }>} as soon as it was sent, long before it counts
 */
export async function payWithWallet(provider, offer, { chain, key, account: wanted, onState = () => {}, signal }) {
  const calls = await checkOffer(offer, chain, key);
  onState({ name: "connect" });
  const account = await accountOf(provider, wanted);
  onState({ name: "switch" });
  await switchTo(provider, offer.chain_id);
  onState({ name: "check" });
  await checkUnsold(provider, offer, await buyerKeyOnChain(key));
  await checkFunds(provider, offer, account);
  if (offer.token !== undefined && (await allowed(provider, offer, account)) < BigInt(offer.amount)) {
    onState({ name: "approve" });
    signal?.throwIfAborted();
    const txHash = await send(provider, calls.approve, account);
    onState({ name: "approving", txHash, account });
    await inBlock(provider, txHash, signal);
  }
  signal?.throwIfAborted();
  onState({ name: "confirm" });
  const txHash = await send(provider, calls.purchase, account);
  onState({ name: "sent", txHash, account });
  return { txHash, account };
}

/**
 * Holds an offer against the store's chain and the buyer's key, and gives the calls that it means.
 *
 * @param {ChainOffer} offer
 * @param {ChainInfo} chain
 * @param {Paying["key"]} key
 * @returns {Promise<{ approve: ChainCall, purchase: ChainCall }>}
 */
export async function checkOffer(offer, chain, key) {
  if (offer.listed !== "yes") {
    throw fail("offer_not_listed", "the contract does not sell this for this price (yet)", offer.hint ?? "Ask its publisher.", {
      listed: offer.listed,
    });
  }
  const { chain_id, contract, token, amount } = offer;
  const known = token === undefined ? chain.coin : chain.tokens.find((each) => same(each.address, token));
  const named = known !== undefined && known.symbol === offer.currency && known.decimals === offer.decimals;
  const text = offer.item_text.endsWith(`@${offer.version}`) && same(await itemId(offer.item_text), offer.item);
  if (chain_id !== chain.chain_id || !same(contract, chain.contract) || !named || !text || !/^[1-9]\d{0,77}$/.test(amount)) {
    throw unexpected("it does not fit the store's chain, or its item's name");
  }
  const approve = { chain_id, to: token ?? contract, data: await approveData(contract, amount), value: "0x0" };
  const value = token === undefined ? `0x${BigInt(amount).toString(16)}` : "0x0";
  const purchase = { chain_id, to: contract, data: await purchaseData(offer.item, await buyerKeyOnChain(key), amount), value };
  const { calls } = offer;
  if (!calls || !isCall(calls.purchase, purchase)) throw unexpected("the purchase it prepared is another one");
  if (calls.approve && !(token !== undefined && isCall(calls.approve, approve))) {
    throw unexpected("the approval it prepared is another one");
  }
  return { approve, purchase };
}

/**
 * Sends one of the seller's calls that a store prepared, after it was checked to be what it is called.
 *
 * @param {Provider} provider
 * @param {"withdraw" | "refund" | "list"} what
 * @param {ChainCall} call
 * @param {{ chain: ChainInfo, token?: string, account?: string, onState?: (state: PayState) => void, signal?: AbortSignal }} options
 *   `token`: what is withdrawn, the coin where absent. The answer comes when the transaction is in a block
 * @returns {Promise<{ txHash: string, account: string }>}
 */
export async function sendCall(provider, what, call, { chain, token, account: wanted, onState = () => {}, signal }) {
  const begins = what === "withdraw" ? await withdrawData(token) : await selector(SELLER[what]);
  const data = call.data.toLowerCase();
  const isWhat = what === "withdraw" ? data === begins : data.startsWith(begins);
  const pays = what === "refund" || BigInt(call.value) === 0n;
  if (call.chain_id !== chain.chain_id || !same(call.to, chain.contract) || !isWhat || !pays) {
    throw unexpected("the call it prepared is another one");
  }
  onState({ name: "connect" });
  const account = await accountOf(provider, wanted);
  onState({ name: "switch" });
  await switchTo(provider, call.chain_id);
  onState({ name: "confirm" });
  const txHash = await send(provider, call, account);
  onState({ name: "sent", txHash, account });
  await inBlock(provider, txHash, signal);
  return { txHash, account };
}

const SELLER = {
  refund: "refund(bytes32,bytes,(address,address,address,uint128,uint128,uint64))",
  list: "list(bytes32,address,uint96)",
};

/**
 * The contract sells a version to a key once; finding out by a failed transaction costs its gas.
 *
 * @param {Provider} provider
 * @param {ChainOffer} offer
 * @param {string} buyerKey
 */
async function checkUnsold(provider, { contract, item }, buyerKey) {
  if ((await view(provider, contract, await verifyData(item, buyerKey))) === 0n) return;
  throw fail("already_purchased", "this key has bought this version already", "Look into your library, or buy for another key.");
}

/**
 * @param {Provider} provider
 * @param {ChainOffer} offer
 * @param {string} account
 */
async function checkFunds(provider, { token, amount, currency }, account) {
  const has =
    token === undefined
      ? readQuantity(await askProvider(provider, "eth_getBalance", [account, "latest"]))
      : await view(provider, token, await balanceData(account));
  if (has >= BigInt(amount)) return;
  throw fail("funds_too_low", `this account has too little ${currency}`, "Choose another account in the wallet, or put more on this one.");
}

/**
 * @param {Provider} provider
 * @param {ChainOffer} offer
 * @param {string} account
 */
async function allowed(provider, { token, contract }, account) {
  return view(provider, String(token), await allowanceData(account, contract));
}

/**
 * @param {Provider} provider
 * @param {string} to
 * @param {string} data
 */
async function view(provider, to, data) {
  return readQuantity(await askProvider(provider, "eth_call", [{ to, data }, "latest"]));
}

/**
 * @param {ChainCall} given
 * @param {ChainCall} meant
 */
function isCall(given, meant) {
  const alike = same(given.to, meant.to) && same(given.data, meant.data);
  return alike && given.chain_id === meant.chain_id && BigInt(given.value) === BigInt(meant.value);
}

/**
 * @param {string} left
 * @param {string} right
 */
const same = (left, right) => left.toLowerCase() === right.toLowerCase();

/** @param {string} how */
const unexpected = (how) =>
  fail("offer_unexpected", `the store's offer is not what it says: ${how}`, "Send nothing. Load the page again, and tell the store's operator if it stays.");
