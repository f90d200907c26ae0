// How a seller's business reads.

import { number, worth } from "../../lib/words";
import type { Delivery, Sale, SaleState, Sum, Webhook } from "./api";

type Kind = "plain" | "good" | "bad" | "note";

export const STATES: Record<SaleState, { text: string; kind: Kind }> = {
  pending: { text: "Waiting for payment", kind: "note" },
  paid: { text: "Paid", kind: "good" },
  undone: { text: "Taken back by the chain", kind: "bad" },
  refunded: { text: "Refunded", kind: "plain" },
  failed: { text: "Came to nothing", kind: "plain" },
  cancelled: { text: "Cancelled", kind: "plain" },
  declined: { text: "Declined", kind: "plain" },
};

export const METHODS: Record<Sale["method"], string> = {
  free: "free",
  voucher: "voucher",
  marked_paid: "directly to you",
  webhook: "payment page",
  chain: "on chain",
};

export const WEBHOOK_STATES: Record<Webhook["state"], { text: string; kind: Kind }> = {
  active: { text: "Active", kind: "good" },
  paused: { text: "Paused", kind: "note" },
  failing: { text: "Failing", kind: "bad" },
};

export const DELIVERY_STATES: Record<Delivery["state"], { text: string; kind: Kind }> = {
  delivered: { text: "Delivered", kind: "good" },
  waiting: { text: "Waiting", kind: "note" },
  failed: { text: "Given up", kind: "bad" },
  held: { text: "Held", kind: "note" },
};

export const EVENTS: Record<string, string> = {
  "purchase.paid": "Something was bought and paid",
  "purchase.refunded": "A purchase was paid back",
  "purchase.cancelled": "A buyer cancelled an order",
  "purchase.declined": "An order was declined",
  "licence.revoked": "A licence was taken away",
  "job.ended": "A print ended",
  "job.interrupted": "Nobody knows how a print goes",
  "job.paused_needs_someone": "A print waits for somebody",
  "release.published": "A version was published",
  "listing.suspended": "A listing was taken off sale",
  "review.written": "A buyer wrote a review",
};

/** Money that may be less than nothing. */
export function money(amount: string, { currency, decimals }: Pick<Sum, "currency" | "decimals">): string {
  const owed = amount.startsWith("-");
  return `${owed ? "−" : ""}${worth({ amount: owed ? amount.slice(1) : amount, currency, decimals })}`;
}

/** A day of the store's calendar, which is UTC. */
export function dayText(day: string, style: "short" | "long" = "short"): string {
  const format = style === "short" ? ({ day: "numeric", month: "short" } as const) : ({ dateStyle: "medium" } as const);
  return new Intl.DateTimeFormat("en", { ...format, timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

/** All days from the first to the last. */
export function daysBetween(from: string, to: string): string[] {
  const days = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${to}T00:00:00Z`); at += 86_400_000) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

export const plural = (count: number, one: string, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** Metres of filament of hundredths of a millimetre. */
export const metres = (hundredths: number) => `${number(hundredths / 100_000, 1)} m`;

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
