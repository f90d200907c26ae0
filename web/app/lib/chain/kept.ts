// Payments that were sent from this browser and have not become a licence yet, so that a reload loses none. Nothing in them is secret.

import type { Recipient } from "../types";

export interface KeptPayment {
  tx: string;
  /** Account id of who is to have the licence. */
  person: string;
  listing: string;
  title: string;
  recipient: Recipient;
  /** Such as `0.5 ETH`. */
  price: string;
  at: number;
}

const NAME = "sealpost-payments";
const MOST = 50;

export function keep(payment: KeptPayment) {
  write([payment, ...all().filter(({ tx }) => tx !== payment.tx)].slice(0, MOST));
}

export function kept(tx: string): KeptPayment | undefined {
  return all().find((each) => each.tx === tx);
}

/** Those of a person, newest first. */
export function keptOf(person: string): KeptPayment[] {
  return all().filter((each) => each.person === person);
}

export function forgetPayment(tx: string) {
  write(all().filter((each) => each.tx !== tx));
}

function all(): KeptPayment[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return Array.isArray(read) ? read.filter((each) => typeof each?.tx === "string" && typeof each.recipient === "object") : [];
  } catch {
    return [];
  }
}

function write(payments: KeptPayment[]) {
  try {
    if (payments.length > 0) localStorage.setItem(NAME, JSON.stringify(payments));
    else localStorage.removeItem(NAME);
  } catch {
    // The address of the payment's page has the transaction too, and the store sees it on the chain.
  }
}
