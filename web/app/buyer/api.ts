// What a buyer asks the store.

import type { LoadableBundle } from "@sealpost/marketplace-loader";
import { ask } from "../lib/ask";
import { tidied } from "./manifest";
import type { Device, Licence, Listing, Payment, Purchase, Recipient } from "../lib/types";

export async function listing(id: string): Promise<Listing> {
  return tidied(await ask<Listing>("GET", `/api/v1/listings/${encodeURIComponent(id)}`));
}

export function buy(listing: string, payment: Payment, recipient: Recipient | undefined, once: string, note?: string): Promise<Purchase> {
  return ask("POST", "/api/v1/purchases", { once, body: { listing, payment, recipient, ...(note && { note }) } });
}

export function purchase(id: string): Promise<Purchase> {
  return ask("GET", `/api/v1/purchases/${encodeURIComponent(id)}`);
}

/** Calls an order off that is not paid. */
export function cancel(id: string): Promise<Purchase> {
  return ask("POST", `/api/v1/purchases/${encodeURIComponent(id)}/cancel`);
}

/** The plugins that this person may run, newest first. */
export async function licences(): Promise<Licence[]> {
  const found: Licence[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: "200", ...(after && { after }) });
    const page = await ask<{ licences: Licence[]; next?: string }>("GET", `/api/v1/licences?${query}`);
    found.push(...page.licences.filter((licence) => licence.kind === "plugin"));
    after = page.next;
  } while (after);
  return found;
}

export function licence(id: string): Promise<Licence> {
  return ask("GET", `/api/v1/licences/${encodeURIComponent(id)}`);
}

export async function addDevice(licence: string, recipient: Recipient): Promise<Device> {
  const path = `/api/v1/licences/${encodeURIComponent(licence)}/devices`;
  return (await ask<{ device: Device }>("POST", path, { body: recipient })).device;
}

/** The newest version a device may open: manifest, hash, signature, the device's envelope, and where the sealed file lies. */
export function bundle(licence: string, device: string, signal?: AbortSignal): Promise<LoadableBundle> {
  const path = `/api/v1/licences/${encodeURIComponent(licence)}/bundle?device=${encodeURIComponent(device)}`;
  return ask("GET", path, { signal });
}
