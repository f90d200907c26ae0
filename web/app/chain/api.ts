// What the store says about its chain, and about payments there.

import type { ChainBalance, ChainInfo, ChainOffer, LinkedKey, PaymentList } from "@sealpost/marketplace-client";
import { SealpostError, proveKey } from "@sealpost/plugin-sdk";
import { session } from "../lib/session.svelte";
import { ask } from "../lib/ask";
import type { Listing, Recipient, Wallet } from "../lib/types";
import { poll } from "./poll";

/** The chain that the store sells on, where it does. */
export async function chainInfo(): Promise<ChainInfo | undefined> {
  try {
    return await ask<ChainInfo>("GET", "/api/v1/chain");
  } catch (error) {
    if (error instanceof SealpostError && error.code === "chain_not_configured") return undefined;
    throw error;
  }
}

/** How the newest version on chain is bought; with a key, by which calls. */
export function offer(listing: string, key?: Recipient): Promise<ChainOffer> {
  const query = key ? `?${new URLSearchParams({ curve: key.curve, public_key: key.public_key })}` : "";
  return ask("GET", `/api/v1/listings/${encodeURIComponent(listing)}/offer${query}`);
}

/** Asks for an offer until the contract sells it: what was just listed is seen a little later. */
export function watchOffer(listing: string, seen: (offer: ChainOffer) => void): () => void {
  return poll(async () => {
    const found = await offer(listing);
    seen(found);
    return found.listed !== "yes";
  });
}

export async function linkedKeys(): Promise<LinkedKey[]> {
  return (await ask<{ keys: LinkedKey[] }>("GET", "/api/v1/keys/mine")).keys;
}

/** Has the store note that a key is this person's: then what is paid for it is theirs, even where this page does not live to tell. */
export async function linkKey(key: Recipient, wallet: Wallet): Promise<void> {
  const { curve, public_key } = key;
  if ((await linkedKeys()).some((known) => known.public_key === public_key && known.curve === curve)) return;
  const account = session.account?.user_id ?? "";
  const body = { curve, public_key };
  const challenge = await ask<Parameters<typeof proveKey>[0]>("POST", "/api/v1/keys/challenge", { body });
  const answer = await proveKey(challenge, wallet, { store: location.origin, account });
  await ask("POST", "/api/v1/keys", { body: { ...body, answer } });
}

/** What the store knows of a transaction; of one it never saw, nothing. */
export async function paymentsIn(tx: string, signal?: AbortSignal): Promise<PaymentList["payments"]> {
  try {
    const path = `/api/v1/payments/${encodeURIComponent(tx)}`;
    return (await ask<PaymentList>("GET", path, { signal })).payments;
  } catch (error) {
    if (error instanceof SealpostError && error.code === "payment_unknown") return [];
    throw error;
  }
}

/** A page of the payments for this person's listings (of all, for operators), newest first. */
export function sales(after?: string): Promise<PaymentList> {
  return ask("GET", `/api/v1/payments${after ? `?${new URLSearchParams({ after })}` : ""}`);
}

export async function balances(address: string): Promise<ChainBalance[]> {
  return (await ask<{ balances: ChainBalance[] }>("GET", `/api/v1/chain/balances/${address}`)).balances;
}

/** This person's own listings. */
export async function ownListings(): Promise<Listing[]> {
  const found: Listing[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ publisher: session.account?.user_id ?? "", limit: "200", ...(after && { after }) });
    const page = await ask<{ listings: Listing[]; next?: string }>("GET", `/api/v1/listings?${query}`);
    found.push(...page.listings);
    after = page.next;
  } while (after);
  return found;
}

export function setPayout(listing: string, address: string | null): Promise<unknown> {
  return ask("PUT", `/api/v1/listings/${encodeURIComponent(listing)}/payout`, { body: { address } });
}
