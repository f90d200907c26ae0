// Prepared calls held against what they are said to be.

import { fail } from "../fail.js";

/** @typedef {import("../types.js").ChainCall} ChainCall */

/**
 * @param {ChainCall} given
 * @param {ChainCall} meant
 */
export function isCall(given, meant) {
  const alike = same(given.to, meant.to) && same(given.data, meant.data);
  return alike && given.chain_id === meant.chain_id && BigInt(given.value) === BigInt(meant.value);
}

/**
 * @param {string} left
 * @param {string} right
 */
export const same = (left, right) => left.toLowerCase() === right.toLowerCase();

/** @param {string} how */
export const unexpected = (how) =>
  fail("offer_unexpected", `the store's offer is not what it says: ${how}`, "Send nothing. Load the page again, and tell the store's operator if it stays.");
