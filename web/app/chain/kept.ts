// Payments that were begun in this browser and have not become a licence yet, so that a reload loses none, and none is made twice.
// Nothing in them is secret.

import type { Device, Licence, Recipient } from "../lib/types";

export interface BegunPayment {
  /** Absent as long as nobody knows whether the wallet sent it. */
  tx?: string;
  /** Account id of who is to have the licence. */
  person: string;
  listing: string;
  title: string;
  recipient: Recipient;
  /** Such as `0.5 ETH`. */
  price: string;
  at: number;
}

export type KeptPayment = BegunPayment & { tx: string };

const NAME = "sealpost-payments";
const MOST = 50;
/** Milliseconds that the store's clock may be behind. */
const SKEW = 10 * 60_000;

/** Notes a payment; one with a transaction takes the place of the same one without. */
export function keep(payment: BegunPayment) {
  write([payment, ...all().filter((each) => !isSame(each, payment))].slice(0, MOST));
}

export function kept(tx: string): KeptPayment | undefined {
  return all().filter(wasSent).find((each) => each.tx === tx);
}

/** Those of a person that were sent, newest first. */
export function keptOf(person: string): KeptPayment[] {
  return all().filter(wasSent).filter((each) => each.person === person);
}

/** Those of a person for one listing, sent or not, newest first. */
export function begunFor(person: string, listing: string): BegunPayment[] {
  return all().filter((each) => each.person === person && each.listing === listing);
}

export function forgetPayment(payment: BegunPayment) {
  write(all().filter((each) => !isSame(each, payment)));
}

/** Whether a licence is what a payment was for: its key's, and not one that the key had before. */
export function isPaidBy({ listing, devices }: Licence, payment: BegunPayment): boolean {
  const isKey = ({ public_key, created_at }: Device) =>
    public_key === payment.recipient.public_key && Date.parse(created_at) > payment.at - SKEW;
  return listing === payment.listing && (devices ?? []).some(isKey);
}

export const wasSent = (payment: BegunPayment): payment is KeptPayment => payment.tx !== undefined;

/** Of one transaction, or of one key and listing before there is one. */
function isSame(left: BegunPayment, right: BegunPayment): boolean {
  if (left.tx !== undefined && right.tx !== undefined) return left.tx === right.tx;
  const same = left.person === right.person && left.listing === right.listing;
  return left.tx === undefined && same && left.recipient.public_key === right.recipient.public_key;
}

function all(): BegunPayment[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return Array.isArray(read) ? read.filter((each) => typeof each?.person === "string" && typeof each.recipient === "object") : [];
  } catch {
    return [];
  }
}

function write(payments: BegunPayment[]) {
  try {
    if (payments.length > 0) localStorage.setItem(NAME, JSON.stringify(payments));
    else localStorage.removeItem(NAME);
  } catch {
    // The address of the payment's page has the transaction too, and the store sees it on the chain.
  }
}
