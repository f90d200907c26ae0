// Requests to the store.

import type { LoadableBundle } from "@sealpost/marketplace-loader";
import { SealpostError } from "@sealpost/plugin-sdk";
import { session } from "./session.svelte";
import { tidied } from "./manifest";
import type { Device, Licence, Listing, Payment, Purchase, Recipient } from "./types";

interface Asked {
  body?: unknown;
  token?: string;
  /** So that a purchase that is sent twice is one purchase. */
  once?: string;
  signal?: AbortSignal;
}

/** Asks the store; what it refuses is thrown as an error with the store's code, sentence and hint. */
export async function ask<T>(method: string, path: string, { body, token, once, signal }: Asked = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      signal,
      // Signing in is by token, and nothing else should come along.
      credentials: "omit",
      cache: "no-store",
      headers: {
        accept: "application/json",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...(once && { "idempotency-key": once }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new SealpostError("no_answer", "the store did not answer", {
      hint: "check that this device is online, and try again",
      cause,
    });
  }
  if (answer.status === 204) return undefined as T;
  const read = await answer.json().catch(() => undefined);
  if (answer.ok && read !== undefined) return read as T;
  const { code = "no_problem", title = `the store answered ${answer.status}`, detail, hint } = read ?? {};
  throw new SealpostError(code, detail || title, { hint: hint || "try again later" });
}

export const mine = () => ({ token: session.token });

/** Plugins on offer, newest first. */
export async function plugins(search: string, signal?: AbortSignal): Promise<Listing[]> {
  const found: Listing[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ kind: "plugin", limit: "200" });
    if (search) query.set("q", search);
    if (after) query.set("after", after);
    const page = await ask<{ listings: Listing[]; next?: string }>("GET", `/api/v1/listings?${query}`, { signal });
    found.push(...page.listings.filter((listing) => listing.kind === "plugin" && listing.plugin).map(tidied));
    after = page.next;
  } while (after && found.length < 200);
  return found;
}

export async function listing(id: string): Promise<Listing> {
  return tidied(await ask<Listing>("GET", `/api/v1/listings/${encodeURIComponent(id)}`));
}

export function buy(listing: string, payment: Payment, recipient: Recipient, once: string): Promise<Purchase> {
  return ask("POST", "/api/v1/purchases", { ...mine(), once, body: { listing, payment, recipient } });
}

export function purchase(id: string): Promise<Purchase> {
  return ask("GET", `/api/v1/purchases/${encodeURIComponent(id)}`, mine());
}

/** What this person may run, newest first. */
export async function licences(): Promise<Licence[]> {
  const found: Licence[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: "200", ...(after && { after }) });
    const page = await ask<{ licences: Licence[]; next?: string }>("GET", `/api/v1/licences?${query}`, mine());
    found.push(...page.licences.filter((licence) => licence.kind === "plugin"));
    after = page.next;
  } while (after);
  return found;
}

export function licence(id: string): Promise<Licence> {
  return ask("GET", `/api/v1/licences/${encodeURIComponent(id)}`, mine());
}

export async function addDevice(licence: string, recipient: Recipient): Promise<Device> {
  const path = `/api/v1/licences/${encodeURIComponent(licence)}/devices`;
  return (await ask<{ device: Device }>("POST", path, { ...mine(), body: recipient })).device;
}

/** The newest version a device may open: manifest, hash, signature, the device's envelope, and where the sealed file lies. */
export function bundle(licence: string, device: string, signal?: AbortSignal): Promise<LoadableBundle> {
  const path = `/api/v1/licences/${encodeURIComponent(licence)}/bundle?device=${encodeURIComponent(device)}`;
  return ask("GET", path, { ...mine(), signal });
}
