// Chains and payments in words.

import { coinOf, type ChainInfo, type ChainOffer, type ChainPayment } from "@sealpost/marketplace-client";
import { coins, units } from "../lib/words";

export function chainName({ chain_id, name }: Pick<ChainInfo, "chain_id" | "name">): string {
  return name ? `${name} (chain ${chain_id})` : `chain ${chain_id}`;
}

/** What money there is called: a chain's coin by the chain's number, whatever a store calls it. */
export function currencyOn(chain: number, token: string | undefined, said: string): string {
  return token === undefined ? (coinOf(chain) ?? said) : said;
}

/** What an offer costs. */
export function priceOf({ chain_id, token, amount, currency, decimals }: Pick<ChainOffer, "chain_id" | "token" | "amount" | "currency" | "decimals">): string {
  const named = token === undefined && coinOf(chain_id) !== undefined;
  return coins(amount, currencyOn(chain_id, token, currency), named ? COIN_DECIMALS : decimals);
}

const COIN_DECIMALS = 18;

/** What was paid, in the token's own units where the store does not know it. */
export function paid(payment: Pick<ChainPayment, "amount" | "currency" | "decimals" | "chain_id" | "token">): string {
  const { amount, currency, decimals, chain_id, token } = payment;
  if (amount === undefined) return "";
  if (currency === undefined || decimals === undefined) return `${units(amount, 0)} units of a token`;
  return priceOf({ chain_id, token, amount, currency, decimals });
}

/** Such as `15%`, of hundredths of a percent. */
export function share(bps: number): string {
  return `${bps / 100}%`;
}

/** When a payment counts. */
export function finality({ finality }: Pick<ChainInfo, "finality">): string {
  if (finality === "finalized") return "when its block is final, which takes a while";
  if (finality === "safe") return "when its block is safe, which takes a few minutes";
  return finality === "1" ? "when it is in a block" : `when it has ${finality} confirmations`;
}

export interface Told {
  title: string;
  text: string;
  tone: "good" | "bad" | "plain";
  /** Whether it may still change, so that it is worth looking again. */
  open: boolean;
}

type Far = Pick<ChainPayment, "state" | "confirmations" | "needed" | "reason">;

/** The same for whoever was paid. */
export function toldToSeller(payment: Far): Told {
  const shown = told(payment);
  if (payment.state !== "undone") return shown;
  return { ...shown, text: "Its block was replaced by another one. Until the payment comes again, its licence opens nothing new." };
}

/** How far a payment is, and what that means for whoever paid. */
export function told({ state, confirmations, needed, reason }: Far): Told {
  switch (state) {
    case "waiting":
      return { title: "Sent, waiting for a block", text: "The chain takes a moment. You can leave this page and come back.", tone: "plain", open: true };
    case "confirming":
      return {
        title: needed === undefined ? "In a block that is not final yet" : `${confirmations} of ${needed} confirmations`,
        text: "It is in a block. The shop waits until the chain will not take it back any more.",
        tone: "plain",
        open: true,
      };
    case "settled":
      return { title: "Paid", text: "The payment is final.", tone: "good", open: false };
    case "undone":
      return {
        title: "The chain took the payment back",
        text: "Its block was replaced by another one. Mostly the payment comes again in a later block, and the licence with it. If it does not, the money is still yours.",
        tone: "bad",
        open: true,
      };
    case "refunded":
      return { title: "Given back", text: "The money went back to the address that paid, and the licence ended.", tone: "plain", open: false };
    case "dropped":
      return {
        title: "The transaction did not come",
        text: "The chain does not have it: it may have been replaced or cancelled in the wallet. If it comes after all, it counts. Look into the wallet before you pay again.",
        tone: "bad",
        open: true,
      };
    default:
      return { title: reason?.title ?? "The payment does not count", text: reason?.hint ?? "Ask the publisher.", tone: "bad", open: false };
  }
}
