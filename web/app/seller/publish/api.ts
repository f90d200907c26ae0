// What a seller asks of the store to get a listing and its files there.

import { ask, path } from "../../lib/ask";
import type { Listing, Picture, Price, Release } from "../../lib/types";

export type Own = Listing;

/** One of the seller's listings, and how it does. */
export interface Offered {
  listing: Own;
  sales: number;
  waiting: number;
  vouchers: number;
}

export interface Terms {
  title: string;
  description: string;
  price: Price;
  /** Prints of one purchase; devices, for a plugin. */
  prints: number;
  /** Of G-code alone. */
  free_retries?: number;
  seal_once?: boolean;
  free_updates: boolean;
  /** 0: for ever. */
  valid_days: number;
}

export type NewListing = Terms & { kind: "gcode" | "plugin"; plugin_id?: string; publisher_key?: string };

export interface Sealed {
  cipher: string;
  envelope: unknown;
  plain_sha256: string;
  plain_size: number;
}

export interface VaultKey {
  curve: string;
  public_key: string;
}

export interface Voucher {
  id: string;
  label: string;
  ends: string;
  prints: number;
  uses?: number;
  uses_left: number;
  state: "active" | "used_up" | "expired" | "disabled";
  expires_at?: string;
  created_at: string;
}

/** Makes a listing that its publisher alone sees. */
export function draft({ kind, plugin_id, publisher_key, prints, valid_days, free_retries, seal_once, ...rest }: NewListing, once: string): Promise<Own> {
  const body = {
    ...rest,
    kind,
    state: "draft",
    ...(valid_days > 0 && { valid_days }),
    ...(kind === "plugin" ? { plugin: { plugin_id, devices: prints, publisher_key } } : { prints, free_retries, seal_once }),
  };
  return ask("POST", path(["listings"]), { body, once });
}

export type Changes = Partial<Terms> & { state?: string; publisher_key?: string };

export function change(id: string, changes: Changes): Promise<Own> {
  return ask("PATCH", path(["listings", id]), { body: changes });
}

/** Throws a draft away. */
export function discard(id: string): Promise<void> {
  return ask("DELETE", path(["listings", id]));
}

export function own(id: string): Promise<Own> {
  return ask("GET", path(["listings", id]));
}

export async function offered(after?: string): Promise<{ listings: Offered[]; next?: string }> {
  return ask("GET", path(["me", "listings"], { after }));
}

export function vaultKey(signal?: AbortSignal): Promise<VaultKey> {
  return ask("GET", path(["vault-key"]), { signal });
}

export function changeRelease(id: string, changes: { state?: "active" | "yanked"; notes?: string }): Promise<Release> {
  return ask("PATCH", path(["releases", id]), { body: changes });
}

export function vouchers(listing: string, after?: string): Promise<{ vouchers: Voucher[]; next?: string }> {
  return ask("GET", path(["vouchers"], { listing, after }));
}

export interface NewVoucher {
  listing: string;
  uses: number;
  label?: string;
  prints?: number;
  expires_at?: string;
}

export function makeVoucher(body: NewVoucher, once: string): Promise<{ id: string; code: string }> {
  return ask("POST", path(["vouchers"]), { body, once });
}

export function disableVoucher(id: string): Promise<Voucher> {
  return ask("DELETE", path(["vouchers", id]));
}

export function addPicture(listing: string, picture: Blob, alt: string): Promise<Picture> {
  return ask("POST", path(["listings", listing, "pictures"], { alt }), { body: picture });
}

/** All pictures of a listing, in this order and with these words. */
export async function placePictures(listing: string, pictures: { id: string; alt: string }[]): Promise<Picture[]> {
  const answer = await ask<{ pictures: Picture[] }>("PUT", path(["listings", listing, "pictures"]), { body: { pictures } });
  return answer.pictures;
}

export async function removePicture(listing: string, picture: string): Promise<Picture[]> {
  return (await ask<{ pictures: Picture[] }>("DELETE", path(["listings", listing, "pictures", picture]))).pictures;
}
