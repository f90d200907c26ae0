// Paying for a version on chain with a wallet. What a store prepared is checked before the wallet sees it: chain, contract,
// item, key and amount have to be those that were shown, byte by byte.

import { askProvider, buyerKeyOnChain, itemId } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";
import { allowanceData, approveData, balanceData, purchaseData, readQuantity, verifyData } from "./abi.js";
import { isCall, same, unexpected } from "./call.js";
import { checkToken, wrongCoin } from "./coins.js";
import { accountOf, inBlock, send, switchTo, view } from "./wallet.js";

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
 * @property {readonly { curve: Curve, publicKey?: string, public_key?: string }[]} [mine] other keys of the same buyer: where one
 *   of them has bought this version already, nothing is sent
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
export async function payWithWallet(provider, offer, { chain, key, mine = [], account: wanted, onState = () => {}, signal }) {
  const calls = await checkOffer(offer, chain, key);
  onState({ name: "connect" });
  const account = await accountOf(provider, wanted);
  onState({ name: "switch" });
  await switchTo(provider, offer.chain_id);
  onState({ name: "check" });
  const { token, currency, decimals } = offer;
  if (token !== undefined) await checkToken(provider, { token, currency, decimals });
  await checkUnsold(provider, offer, [key, ...mine]);
  await checkFunds(provider, offer, account);
  if (token !== undefined) {
    const approve = async (/** @type {ChainCall} */ call, /** @type {(now: bigint) => boolean} */ done) => {
      onState({ name: "approve" });
      signal?.throwIfAborted();
      const txHash = await send(provider, call, account);
      onState({ name: "approving", txHash, account });
      await inBlock(provider, txHash, { account, holds: async () => done(await allowed(provider, offer, account)), signal });
    };
    const before = await allowed(provider, offer, account);
    if (before < BigInt(offer.amount)) {
      // USDT and its like change no allowance but to and from nothing.
      if (before > 0n) await approve({ ...calls.approve, data: await approveData(offer.contract, "0") }, (now) => now === 0n);
      await approve(calls.approve, (now) => now >= BigInt(offer.amount));
    }
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
  const misnamed = token === undefined ? wrongCoin(chain) : undefined;
  if (misnamed !== undefined) throw unexpected(misnamed);
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
 * Which of some keys have bought an item, by the chain that the wallet is on.
 *
 * @template {Paying["key"]} K
 * @param {Provider} provider
 * @param {Pick<ChainOffer, "contract" | "item">} what
 * @param {readonly K[]} keys
 * @returns {Promise<K[]>}
 */
export async function boughtBy(provider, { contract, item }, keys) {
  const asked = keys.map(async (key) => (await view(provider, contract, await verifyData(item, await buyerKeyOnChain(key)))) !== 0n);
  const bought = await Promise.all(asked);
  return keys.filter((_, at) => bought[at]);
}

/**
 * The contract sells a version to a key once, and a buyer with several keys rarely means to pay for each.
 *
 * @param {Provider} provider
 * @param {ChainOffer} offer
 * @param {Paying["key"][]} keys the one that is paid for first
 */
async function checkUnsold(provider, offer, keys) {
  const [found] = await boughtBy(provider, offer, keys);
  if (found === undefined) return;
  const { curve, publicKey, public_key = publicKey } = found;
  const text = found === keys[0] ? "this key has bought this version already" : "another key of yours has bought this version already";
  throw fail("already_purchased", text, "Look into your library, or buy for another key.", { curve, public_key });
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
