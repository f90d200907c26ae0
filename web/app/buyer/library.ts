// What somebody bought.

import { ask, path } from "../lib/ask";
import type { Licence, Order, Price } from "../lib/types";

/** All licences of this person, newest first. */
export async function library(): Promise<Licence[]> {
  return (await ask<{ licences: Licence[] }>("GET", path(["licences"]))).licences;
}

/** Those for one listing that give something. */
export async function owned(listing: string): Promise<Licence[]> {
  return (await library()).filter((licence) => licence.listing === listing && licence.state === "active");
}

export interface Orders {
  purchases: Order[];
  next?: string;
}

export function orders(after?: string): Promise<Orders> {
  return ask("GET", path(["purchases"], { after, limit: 50 }));
}

/** Those that wait for their payment, of one listing or all; payments on a chain are on their way by themselves. */
export async function waiting(listing?: string): Promise<Order[]> {
  const { purchases } = await ask<Orders>("GET", path(["purchases"], { state: "pending", listing, limit: 20 }));
  return purchases.filter(({ method }) => method !== "chain");
}

export function refund(purchase: string, once: string): Promise<unknown> {
  return ask("POST", path(["purchases", purchase, "refund"]), { body: {}, once });
}

export interface SignedReceipt {
  receipt: {
    iss: string;
    number: string;
    date: string;
    state: "paid" | "refunded";
    refunded_at?: string;
    seller: { id: string; name?: string };
    buyer: { id: string; name?: string };
    item: { title: string };
    price?: Price;
    method: Order["method"];
    reference?: string;
  };
  /** The same, signed by the store. */
  jws: string;
}

export function receipt(purchase: string): Promise<SignedReceipt> {
  return ask("GET", path(["purchases", purchase, "receipt"]));
}
