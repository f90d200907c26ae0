// Waiting until a payment counts. A store says how far it is, and when to ask again.

import { SealpostError } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";
import { pause } from "../transport.js";

/** @typedef {import("../types.js").ChainPayment} ChainPayment */
/** @typedef {import("../types.js").PurchaseAnswer} PurchaseAnswer */

/**
 * @typedef {object} Waiting
 * @property {(state: { text: string, payment?: ChainPayment }) => void} [onPayment] told in words how far it is
 * @property {number} [patience] milliseconds
 * @property {number} [every] milliseconds between the first questions, which come slower later
 * @property {AbortSignal} [signal]
 */

/** Milliseconds. */
const PATIENCE = 30 * 60_000;
const FIRST = 1500;
const LONGEST = 10_000;

/**
 * Asks again while the store answers `payment_pending`.
 *
 * @template T
 * @param {() => Promise<T>} ask
 * @param {Waiting} options
 * @returns {Promise<T>}
 */
export async function untilPaid(ask, { onPayment = () => {}, patience = PATIENCE, every = FIRST, signal }) {
  const end = Date.now() + patience;
  for (let between = every; ; between = Math.min(between * 1.5, LONGEST)) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof SealpostError) || error.code !== "payment_pending") throw error;
      const { retryAfter } = /** @type {{ retryAfter?: number }} */ (error.detail ?? {});
      const wait = retryAfter ?? between;
      if (Date.now() + wait > end) throw error;
      onPayment({ text: error.message });
      await pause(wait, signal);
    }
  }
}

/**
 * Looks at a purchase again until its payment counts or never will.
 *
 * @param {PurchaseAnswer} placed
 * @param {() => Promise<PurchaseAnswer>} look
 * @param {Waiting} options
 * @returns {Promise<PurchaseAnswer>}
 */
export async function waitForPayment(placed, look, { onPayment = () => {}, patience = PATIENCE, every = FIRST, signal }) {
  const end = Date.now() + patience;
  let answer = placed;
  for (let between = every; answer.purchase.state === "pending"; between = Math.min(between * 1.5, LONGEST)) {
    const { payment } = answer;
    if (payment && LOST.has(payment.state)) throw lost(payment);
    const text = told(payment);
    if (Date.now() + between > end) {
      throw fail("payment_pending", text, "The payment is not lost: ask again with the same transaction later.", { payment });
    }
    onPayment({ text, payment });
    await pause(between, signal);
    answer = await look();
  }
  if (answer.purchase.state !== "paid") throw lost(answer.payment);
  return answer;
}

/** What waiting does not change. */
const LOST = new Set(["refused", "refunded"]);

/** @param {ChainPayment} [payment] */
function told(payment) {
  if (!payment || payment.state === "waiting") return "the transaction is not in a block yet";
  if (payment.state === "dropped") return "the transaction has not come into a block so far";
  if (payment.state === "undone") return "the chain took the payment back, and it may return";
  const { confirmations, needed } = payment;
  return needed === undefined ? "the transaction is in a block that is not final yet" : `${confirmations} of ${needed} confirmations`;
}

/** @param {ChainPayment} [payment] */
function lost(payment) {
  const { code = "payment_refused", title = "the payment does not count", hint } = payment?.reason ?? {};
  return fail(code, title, hint ?? "Ask the publisher, who can give the money back on chain.", { payment });
}
