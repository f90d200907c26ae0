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
