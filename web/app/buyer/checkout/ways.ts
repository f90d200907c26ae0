// How a listing can be paid.

import type { ChainInfo, ChainOffer } from "@sealpost/marketplace-client";
import type { Component } from "svelte";
import type { Before } from "../../chain/before";
import { ask, path } from "../../lib/ask";
import { isFree } from "../../lib/words";
import type { Listing, Payment } from "../../lib/types";

export type Way = "free" | "external" | "marked_paid" | "voucher" | "chain";

export interface Source {
  id: string;
  name: string;
  has_checkout: boolean;
}

export interface Ways {
  /** The one that most will take comes first. */
  all: Way[];
  sources: Source[];
  /** How the seller is paid directly and reached, in their words. */
  how_to_pay?: string;
  /** Whether the store said so; otherwise nobody knows what the seller wrote. */
  known: boolean;
}

/** How it is sold on chain, and the part of the page that pays so. */
export interface OnChain {
  chain: ChainInfo;
  asked: ChainOffer;
  before: Before;
  Part: Component<{ listing: Listing; chain: ChainInfo; asked: ChainOffer; before: Before }>;
}

const ORDER: Way[] = ["free", "chain", "external", "marked_paid", "voucher"];

export async function ways(listing: Listing, onChain: boolean): Promise<Ways> {
  const found = await ask<{ methods: string[]; sources?: Source[]; how_to_pay?: string }>("GET", path(["listings", listing.id, "payment"]));
  const all = ORDER.filter((way) => (way === "chain" ? onChain : found.methods.includes(way)));
  return { all: all.length > 0 ? all : plain(listing).all, sources: found.sources ?? [], how_to_pay: found.how_to_pay, known: true };
}

/** What always goes. */
export function plain(listing: Listing): Ways {
  return { all: isFree(listing) ? ["free", "voucher"] : ["marked_paid", "voucher"], sources: [], known: false };
}

export const WAYS: Record<Way, { title: (listing: Listing) => string; text: string }> = {
  free: { title: () => "Free", text: "It costs nothing." },
  external: { title: () => "Pay online", text: "On the seller's payment page. This page notices when it is paid." },
  marked_paid: {
    title: () => "Pay the seller directly",
    text: "You pay the way the seller says. When they have the money they say so here, and it is yours.",
  },
  voucher: { title: () => "A voucher", text: "A code that the publisher gave you." },
  chain: { title: () => "A crypto wallet", text: "The price goes over the chain. It is yours once the chain has confirmed it." },
};

export function payment(way: Way, code: string, source?: string): Payment {
  switch (way) {
    case "voucher":
      return { method: "voucher", code: code.trim() };
    case "external":
      return { method: "external", ...(source && { source }) };
    case "marked_paid":
      return { method: "marked_paid" };
    default:
      return { method: "free" };
  }
}
