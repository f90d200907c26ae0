// Chains and payments in words.

import type { ChainInfo, ChainPayment } from "@sealpost/marketplace-client";
import { coins, units } from "../words";

const CHAINS: Record<number, string> = {
  1: "Ethereum",
  10: "OP Mainnet",
  56: "BNB Smart Chain",
  100: "Gnosis",
  137: "Polygon",
  8453: "Base",
  42161: "Arbitrum One",
  43114: "Avalanche",
  84532: "Base Sepolia",
  11155111: "Sepolia",
  31337: "a chain for tests",
};

export function chainName(id: number): string {
  return CHAINS[id] ? `${CHAINS[id]} (chain ${id})` : `chain ${id}`;
}

/** What was paid, in the token's own units where the store does not know it. */
export function paid({ amount, currency, decimals }: Pick<ChainPayment, "amount" | "currency" | "decimals">): string {
  if (amount === undefined) return "";
  return currency === undefined || decimals === undefined ? `${units(amount, 0)} units of a token` : coins(amount, currency, decimals);
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
