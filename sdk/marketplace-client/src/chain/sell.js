// What sellers send by their wallets: the store prepares it, and it is held against what was shown, byte by byte.

import { askProvider, itemId } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";
import { allowanceData, approveData, balanceData, heldData, listData, ownerData, readWords, refundData, topicOf, verifyData, withdrawData } from "./abi.js";
import { isCall, same, unexpected } from "./call.js";
import { checkToken, wrongCoin } from "./coins.js";
import { accountOf, accountsOf, chooseAccount, inBlock, send, switchTo, view } from "./wallet.js";

/** @typedef {import("@sealpost/plugin-sdk").Provider} Provider */
/** @typedef {import("./pay.js").PayState} PayState */
/** @typedef {import("./wallet.js").Receipt} Receipt */
/** @typedef {import("../types.js").ChainCall} ChainCall */
/** @typedef {import("../types.js").ChainInfo} ChainInfo */
/** @typedef {import("../types.js").ChainOffer} ChainOffer */
/** @typedef {import("../types.js").RecordedPayment} RecordedPayment */

/**
 * @typedef {object} Selling
 * @property {ChainInfo} chain what the store sells on
 * @property {string} [account] address to send from; the first that the wallet shows where absent
 * @property {(state: PayState) => void} [onState]
 * @property {AbortSignal} [signal] ends the waiting; what was sent stays sent
 *
 * @typedef {{ txHash: string, account: string, receipt?: Receipt }} Sent
 */

/**
 * Takes out what the contract holds for an account, or puts a version and its price into the contract, by the call that the
 * store prepared for it. The answer comes when the transaction is in a block.
 *
 * @param {Provider} provider
 * @param {"withdraw" | "list"} what
 * @param {ChainCall} call
 * @param {Selling & { token?: string, offer?: ChainOffer }} options `token`: what is withdrawn, the coin where absent; `offer`:
 *   what is listed, as it was shown
 * @returns {Promise<Sent>}
 */
export async function sendCall(provider, what, call, { chain, token, offer, account: wanted, onState = () => {}, signal }) {
  const data = what === "list" ? await listing(chain, offer) : await withdrawData(token);
  const { chain_id, contract: to } = chain;
  if (!isCall(call, { chain_id, to, data, value: "0x0" })) throw unexpected("the call it prepared is another one");
  onState({ name: "connect" });
  const account = await accountOf(provider, wanted);
  onState({ name: "switch" });
  await switchTo(provider, chain_id);
  if (what === "list" && offer?.token !== undefined) {
    onState({ name: "check" });
    await checkToken(provider, { ...offer, token: offer.token });
  }
  onState({ name: "confirm" });
  const txHash = await send(provider, call, account);
  onState({ name: "sent", txHash, account });
  const receipt = await inBlock(provider, txHash, { account, signal });
  return { txHash, account, ...(receipt && { receipt }) };
}

/**
 * Gives a payment back: by the account that was paid, or within the contract's window by the contract's owner. Where the contract
 * does not hold all of a token any more, it is allowed to take what is missing first.
 *
 * @param {Provider} provider
 * @param {RecordedPayment} payment with the store's calls
 * @param {Omit<Selling, "account">} options
 * @returns {Promise<Sent>} when it is in a block
 */
export async function sendRefund(provider, payment, { chain, onState = () => {}, signal }) {
  const { refund, approve, missing, publisher, token, item, key } = await checkRefund(payment, chain);
  onState({ name: "connect" });
  const shown = await accountsOf(provider);
  onState({ name: "switch" });
  await switchTo(provider, chain.chain_id);
  onState({ name: "check" });
  const [owner] = readWords(await askProvider(provider, "eth_call", [{ to: chain.contract, data: await ownerData() }, "latest"]));
  const account = chooseAccount(shown, [publisher, ...(owner ? [`0x${owner.toString(16).padStart(40, "0")}`] : [])]);
  const stands = async () => (await view(provider, chain.contract, await verifyData(item, key))) !== 0n;
  if (!(await stands())) {
    throw fail("not_purchased", "this sale does not stand: it was given back already, or the chain took it back", "Load the page again.");
  }
  const mayTake = async () =>
    token === undefined || (await view(provider, token, await allowanceData(account, chain.contract))) >= missing;
  if (approve && token !== undefined) {
    if ((await view(provider, token, await balanceData(account))) < missing) {
      throw fail("funds_too_low", "this account has too little of the token to give it back", "Put on it what was withdrawn from the contract.");
    }
    if (!(await mayTake())) {
      onState({ name: "approve" });
      const txHash = await send(provider, approve, account);
      onState({ name: "approving", txHash, account });
      await inBlock(provider, txHash, { account, holds: mayTake, signal });
    }
  }
  signal?.throwIfAborted();
  onState({ name: "confirm" });
  const txHash = await send(provider, refund, account);
  onState({ name: "sent", txHash, account });
  const receipt = await inBlock(provider, txHash, { account, holds: async () => !(await stands()), signal });
  return { txHash, account, ...(receipt && { receipt }) };
}

/**
 * What the contract holds for an account, by the chain that the wallet is on.
 *
 * @param {Provider} provider
 * @param {string} contract
 * @param {string} account
 * @param {string} [token] the coin where absent
 * @returns {Promise<{ available: bigint, unsettledFees: bigint }>}
 */
export async function heldFor(provider, contract, account, token) {
  const data = await heldData(account, token);
  const [available = 0n, unsettledFees = 0n] = readWords(await askProvider(provider, "eth_call", [{ to: contract, data }, "latest"]));
  return { available, unsettledFees };
}

/**
 * What a transaction took out of the contract: less than there was where an account has both earnings and fees.
 *
 * @param {Receipt} receipt
 * @param {string} contract
 * @returns {Promise<bigint>}
 */
export async function withdrawnBy({ logs = [] }, contract) {
  const topic = await topicOf("Withdrawn(address,address,address,uint256)");
  const taken = logs.filter(({ address, topics }) => same(address, contract) && topics[0] !== undefined && same(topics[0], topic));
  return taken.reduce((sum, { data }) => sum + (readWords(data)[1] ?? 0n), 0n);
}

/**
 * @param {ChainInfo} chain
 * @param {ChainOffer} [offer]
 */
async function listing(chain, offer) {
  if (!offer) throw fail("bad_argument", "what is listed was not given", "Give the offer that was shown, as `offer`.");
  const { chain_id, contract, item, item_text, token, amount, currency, decimals } = offer;
  const known = token === undefined ? chain.coin : chain.tokens.find((each) => same(each.address, token));
  const named = known !== undefined && known.symbol === currency && known.decimals === decimals;
  const isOurs = chain_id === chain.chain_id && same(contract, chain.contract) && /^[1-9]\d{0,77}$/.test(amount);
  if (!named || !isOurs || !same(await itemId(item_text), item)) throw unexpected("it does not fit the store's chain, or its item's name");
  const misnamed = token === undefined ? wrongCoin(chain) : undefined;
  if (misnamed !== undefined) throw unexpected(misnamed);
  return listData(item, token, amount);
}

/**
 * Holds the calls of a refund against the payment that was shown.
 *
 * @param {RecordedPayment} payment
 * @param {ChainInfo} chain
 */
async function checkRefund({ refund, refund_approve: approve, ...payment }, chain) {
  const { item, buyer_key: key, payer, publisher, token, amount, fee, paid_at } = payment;
  const seconds = Date.parse(paid_at ?? "") / 1000;
  if (!refund || !item || !key || !payer || !publisher || !amount || !fee || !Number.isInteger(seconds)) {
    throw fail("refund_not_offered", "the store offers no way to give this payment back", "Load the page again in a moment.");
  }
  const { chain_id, contract } = chain;
  const data = await refundData(item, key, { payer, publisher, ...(token && { token }), amount, fee, paidAt: seconds });
  // What is too much comes back; more than was paid is never missing.
  const value = token === undefined ? refund.value : "0x0";
  if (BigInt(value) > BigInt(amount) || !isCall(refund, { chain_id, to: contract, data, value })) {
    throw unexpected("the refund it prepared is another one");
  }
  const missing = approve ? BigInt(`0x${approve.data.slice(-64)}`) : 0n;
  if (approve) {
    const meant = { chain_id, to: token ?? "", data: await approveData(contract, String(missing)), value: "0x0" };
    if (token === undefined || missing > BigInt(amount) || !isCall(approve, meant)) throw unexpected("the approval it prepared is another one");
  }
  return { refund, approve, missing, publisher, token, item, key };
}
