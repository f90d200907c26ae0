// What a person has or began to buy of a listing already, so that nobody pays twice without saying so.

import { boughtBy, type ChainOffer } from "@sealpost/marketplace-client";
import { askProvider, type Provider } from "@sealpost/plugin-sdk";
import { session } from "../lib/session.svelte";
import { licences } from "../buyer/api";
import type { Licence, Listing, Recipient } from "../lib/types";
import { linkedKeys } from "./api";
import { begunFor, forgetPayment, isPaidBy, wasSent, type BegunPayment, type KeptPayment } from "./kept";

export interface Before {
  /** A licence that covers the version on offer, whatever its state but ended. */
  licence: Licence | undefined;
  /** Payments on their way. */
  sent: KeptPayment[];
  /** Payments that nobody knows of whether the wallet sent them. */
  begun: BegunPayment[];
  /** All keys that a payment may have been for. */
  keys: Recipient[];
  /** Whether one of them is a passkey's, so that no new one need be made. */
  passkey: boolean;
}

export async function before(listing: Listing, version: string): Promise<Before> {
  const [owned, linked] = await Promise.all([licences(), linkedKeys()]);
  const licence = owned.find((each) => each.listing === listing.id && each.state !== "revoked" && covers(listing, each, version));
  const kept = begunFor(session.account?.user_id ?? "", listing.id);
  const begun = kept.filter((payment) => !owned.some((each) => isPaidBy(each, payment)));
  kept.filter((payment) => !begun.includes(payment)).forEach(forgetPayment);
  const devices = owned.flatMap((each) => each.devices ?? []);
  const known = [...begun.map(({ recipient }) => recipient), ...linked.map(({ curve, public_key }) => ({ curve, public_key }))];
  return {
    licence,
    sent: begun.filter(wasSent),
    begun: begun.filter((each) => !wasSent(each)),
    keys: [...new Map(known.map((key) => [key.public_key, key])).values()],
    passkey: [...devices, ...begun.map(({ recipient }) => recipient)].some(({ name }) => name === "Passkey"),
  };
}

/** Whether one of the keys has bought it, by the wallet's own look at the chain, where it is on that chain. No question is asked. */
export async function isPaid(provider: Provider, offer: ChainOffer, keys: Recipient[]): Promise<boolean> {
  if (keys.length === 0 || Number(await askProvider(provider, "eth_chainId")) !== offer.chain_id) return false;
  return (await boughtBy(provider, offer, keys)).length > 0;
}

/** Releases are newest first. */
function covers(listing: Listing, { covers: last }: Licence, version: string): boolean {
  const place = (wanted: string) => listing.releases.findIndex((release) => release.version === wanted);
  return !last || place(last) <= place(version);
}
