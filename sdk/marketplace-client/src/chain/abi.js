// The calls of the marketplace's contract and of tokens that a buyer's or seller's wallet sends, as bytes: few enough to be
// written here, so that what a store prepared can be held against what it is said to be.

import { fromHex, keccak256, toHex } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";

/**
 * Data of a call: the function's selector, then its arguments.
 *
 * @param {string} signature such as `approve(address,uint256)`
 * @param {...string} words of 64 hex digits
 * @returns {Promise<string>}
 */
export async function callData(signature, ...words) {
  return (await selector(signature)) + words.join("");
}

/**
 * @param {string} signature
 * @returns {Promise<string>} `0x` and 8 hex digits
 */
export async function selector(signature) {
  return `0x${toHex(await keccak256(new TextEncoder().encode(signature))).slice(0, 8)}`;
}

/**
 * `purchase(bytes32 item, bytes buyerKey, uint256 amount)`
 *
 * @param {string} item
 * @param {string} buyerKey
 * @param {string} amount
 */
export function purchaseData(item, buyerKey, amount) {
  const key = hexOf(buyerKey);
  const padded = key.padEnd(Math.ceil(key.length / 64) * 64, "0");
  return callData("purchase(bytes32,bytes,uint256)", hexOf(item), number(96), number(amount), number(key.length / 2), padded);
}

/**
 * `verifyPurchase(bytes32 item, bytes buyerKey)`
 *
 * @param {string} item
 * @param {string} buyerKey
 */
export function verifyData(item, buyerKey) {
  const key = hexOf(buyerKey);
  const padded = key.padEnd(Math.ceil(key.length / 64) * 64, "0");
  return callData("verifyPurchase(bytes32,bytes)", hexOf(item), number(64), number(key.length / 2), padded);
}

/**
 * @param {string} spender
 * @param {string} amount
 */
export const approveData = (spender, amount) => callData("approve(address,uint256)", address(spender), number(amount));

/**
 * @param {string} owner
 * @param {string} spender
 */
export const allowanceData = (owner, spender) => callData("allowance(address,address)", address(owner), address(spender));

/** @param {string} owner */
export const balanceData = (owner) => callData("balanceOf(address)", address(owner));

/** @param {string} [token] the coin where absent */
export const withdrawData = (token) =>
  token === undefined ? callData("withdraw()") : callData("withdrawToken(address)", address(token));

/**
 * `list(bytes32 item, address token, uint96 price)`
 *
 * @param {string} item
 * @param {string | undefined} token the coin where absent
 * @param {string} price
 */
export const listData = (item, token, price) =>
  callData("list(bytes32,address,uint96)", hexOf(item), address(token ?? COIN), number(price));

/**
 * `refund(bytes32 item, bytes buyerKey, Receipt receipt)`
 *
 * @param {string} item
 * @param {string} buyerKey
 * @param {{ payer: string, publisher: string, token?: string, amount: string, fee: string, paidAt: number }} receipt
 */
export function refundData(item, buyerKey, { payer, publisher, token, amount, fee, paidAt }) {
  const key = hexOf(buyerKey);
  const words = [address(payer), address(publisher), address(token ?? COIN), number(amount), number(fee), number(paidAt)];
  const padded = key.padEnd(Math.ceil(key.length / 64) * 64, "0");
  return callData(REFUND, hexOf(item), number(32 * (2 + words.length)), ...words, number(key.length / 2), padded);
}

const REFUND = "refund(bytes32,bytes,(address,address,address,uint128,uint128,uint64))";

/**
 * What the contract holds for an account: the answer says how much, and which part of it are fees that wait.
 *
 * @param {string} account
 * @param {string} [token] the coin where absent
 */
export const heldData = (account, token) => callData("balanceOf(address,address)", address(account), address(token ?? COIN));

export const ownerData = () => callData("owner()");
export const decimalsData = () => callData("decimals()");
export const symbolData = () => callData("symbol()");

/**
 * The topic of a log by its event.
 *
 * @param {string} signature such as `Transfer(address,address,uint256)`
 */
export async function topicOf(signature) {
  return `0x${toHex(await keccak256(new TextEncoder().encode(signature)))}`;
}

/**
 * A text from a chain: as the ABI writes it, or in one word as older tokens give theirs.
 *
 * @param {unknown} answer
 * @returns {string}
 */
export function readText(answer) {
  const bytes = typeof answer === "string" ? (fromHex(answer.replace(/^0x/, "")) ?? new Uint8Array()) : new Uint8Array();
  const at = (/** @type {number} */ word) => Number(BigInt(`0x${toHex(bytes.subarray(32 * word, 32 * word + 32))}`));
  const text = bytes.length === 32 ? bytes : bytes.length >= 64 ? bytes.subarray(64, 64 + Math.min(at(1), LONGEST)) : new Uint8Array();
  return new TextDecoder().decode(text).replace(/\0+$/, "");
}

/** Of a text, in bytes. */
const LONGEST = 64;
/** Where the coin is meant. */
const COIN = `0x${"0".repeat(40)}`;

/**
 * The words of an answer, as whole numbers.
 *
 * @param {unknown} answer
 * @returns {bigint[]}
 */
export function readWords(answer) {
  const words = typeof answer === "string" ? (answer.replace(/^0x/, "").match(/[0-9a-fA-F]{64}/g) ?? []) : [];
  return words.map((word) => BigInt(`0x${word}`));
}

/**
 * A whole number from a wallet or a chain.
 *
 * @param {unknown} quantity
 * @returns {bigint}
 */
export function readQuantity(quantity) {
  if (typeof quantity !== "string" || !/^0x[0-9a-fA-F]+$/.test(quantity)) {
    throw fail("wallet_failed", "the wallet gave no number", "Look into the wallet, and try again.");
  }
  return BigInt(quantity);
}

/** @param {string | number} value */
const number = (value) => BigInt(value).toString(16).padStart(64, "0");
/** @param {string} text */
const address = (text) => hexOf(text).padStart(64, "0");

/** @param {string} text */
function hexOf(text) {
  const bytes = fromHex(text.replace(/^0x/, ""));
  if (!bytes) throw fail("offer_unexpected", "the store's offer has something else where hex digits belong");
  return toHex(bytes);
}
