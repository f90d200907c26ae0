// What a seller's business asks of the store.

import { ask, path } from "../../lib/ask";
import type { Job } from "../../printers/api";
import type { Listing, Price } from "../../lib/types";

export interface Sum {
  currency: string;
  decimals: number;
  count: number;
  gross: string;
  fee: string;
  refunds: number;
  refunded: string;
  net: string;
}

export interface Day {
  day: string;
  count: number;
  sums: Sum[];
}

export interface Outcomes {
  listing: string;
  title: string;
  success: number;
  failure: number;
  cancelled: number;
  expired: number;
  interrupted: number;
  filament_mm_x100: number;
  print_s: number;
}

export interface Summary {
  from: string;
  to: string;
  days: Day[];
  totals: Sum[];
  without_money: number;
  waiting: number;
  interrupted: number;
  prints: Outcomes[];
}

export type SaleState = "pending" | "paid" | "undone" | "refunded" | "failed" | "cancelled" | "declined";

export interface Sale {
  purchase: string;
  listing: string;
  title: string;
  kind: "gcode" | "plugin";
  buyer: string;
  buyer_name?: string;
  state: SaleState;
  method: "free" | "voucher" | "marked_paid" | "webhook" | "chain";
  price?: Price;
  fee?: string;
  net?: string;
  licence?: string;
  reference?: string;
  /** What the buyer wrote with the order. */
  note?: string;
  /** What the seller said when they declined it. */
  answer?: string;
  used: number;
  allowed: number;
  key_released: boolean;
  created_at: string;
  paid_at?: string;
  refunded_at?: string;
}

export interface SaleList {
  sales: Sale[];
  next?: string;
}

export type SaleFilter = {
  listing?: string;
  state?: string;
  method?: string;
  from?: string;
  to?: string;
  /** Of all sellers; for operators. */
  everybody?: boolean;
};

export interface Choice {
  outcome: "success" | "failure" | "cancelled";
  counts: boolean;
  free_retry: boolean;
  prints_left: number;
  free_retries_left: number;
}

export interface Interrupted {
  job: Job;
  buyer_name?: string;
  started: boolean;
  restored: boolean;
  choices: Choice[];
}

export interface Webhook {
  id: string;
  url: string;
  kinds: string[];
  description: string;
  everybody: boolean;
  state: "active" | "paused" | "failing";
  reason?: string;
  failing_since?: string;
  old_secret_until?: string;
  waiting: number;
  held: number;
  created_at: string;
  secret?: string;
}

export interface Delivery {
  id: string;
  kind: string;
  state: "waiting" | "delivered" | "failed" | "held";
  tries: number;
  status?: number;
  next_at?: string;
  created_at: string;
}

export interface DeliveryDetails {
  delivery: Delivery;
  payload: string;
  tries: { at: string; took_ms: number; status?: number; error?: string; body?: string }[];
}

export interface Source {
  id: string;
  name: string;
  checkout_url?: string;
  everybody: boolean;
  state: "active" | "paused";
  webhook_url: string;
  old_secret_until?: string;
  created_at: string;
  secret?: string;
}

export const summary = (days: number) => ask<Summary>("GET", path(["sales", "summary"], { days }));

export const saleList = (filter: SaleFilter, after?: string) => ask<SaleList>("GET", path(["sales"], { ...filter, after }));

/** Where the same sales are as a file. */
export const saleFile = (filter: SaleFilter) => path(["sales.csv"], filter);

/** Of one's own listings; of all where an operator asks for everybody's. */
export const interrupted = (everybody = false) =>
  ask<{ jobs: Interrupted[] }>("GET", path(["sales", "interrupted"], { everybody }));

export const decide = (job: string, outcome: string, message: string, once: string) =>
  ask<Job>("POST", path(["jobs", job, "resolve"]), { body: { outcome, message }, once });

export const markPaid = (purchase: string, once: string) => ask("POST", path(["purchases", purchase, "mark-paid"]), { once });

export const refund = (purchase: string, once: string) => ask("POST", path(["purchases", purchase, "refund"]), { once });

export const decline = (purchase: string, answer: string, once: string) =>
  ask("POST", path(["purchases", purchase, "decline"]), { body: { ...(answer && { answer }) }, once });

/** What a seller says of themselves; empty where they say nothing. */
export interface SellerPage {
  how_to_pay: string;
  about: string;
}

export const sellerPage = () => ask<SellerPage>("GET", path(["me", "seller"]));

export const saveSellerPage = (body: SellerPage) => ask<SellerPage>("PUT", path(["me", "seller"]), { body });

/** All that somebody offers, for choosing one. */
export async function ownListings(): Promise<Listing[]> {
  const found = await ask<{ listings: { listing: Listing }[] }>("GET", path(["me", "listings"], { limit: 200 }));
  return found.listings.map(({ listing }) => listing);
}

export const webhooks = () => ask<{ webhooks: Webhook[]; kinds: string[] }>("GET", path(["webhooks"]));

export const webhook = (id: string) => ask<Webhook>("GET", path(["webhooks", id]));

export interface NewWebhook {
  url: string;
  kinds: string[];
  description: string;
  everybody: boolean;
}

export const addWebhook = (body: NewWebhook, once: string) => ask<Webhook>("POST", path(["webhooks"]), { body, once });

export const changeWebhook = (id: string, body: Partial<Pick<Webhook, "url" | "kinds" | "description" | "state">>) =>
  ask<Webhook>("PATCH", path(["webhooks", id]), { body });

export const removeWebhook = (id: string) => ask("DELETE", path(["webhooks", id]));

export const rotateWebhook = (id: string, once: string) => ask<Webhook>("POST", path(["webhooks", id, "rotate"]), { once });

export const testWebhook = (id: string, once: string) => ask<Delivery>("POST", path(["webhooks", id, "test"]), { once });

export const deliveries = (id: string, after?: string) =>
  ask<{ deliveries: Delivery[]; next?: string }>("GET", path(["webhooks", id, "deliveries"], { after }));

export const delivery = (id: string, message: string) =>
  ask<DeliveryDetails>("GET", path(["webhooks", id, "deliveries", message]));

export const redeliver = (id: string, message: string, once: string) =>
  ask<Delivery>("POST", path(["webhooks", id, "deliveries", message, "redeliver"]), { once });

export const sources = () => ask<{ sources: Source[] }>("GET", path(["payments", "sources"]));

export interface NewSource {
  name: string;
  checkout_url?: string;
  everybody: boolean;
}

export const addSource = (body: NewSource, once: string) => ask<Source>("POST", path(["payments", "sources"]), { body, once });

export const changeSource = (id: string, body: Partial<Pick<Source, "name" | "checkout_url" | "state">>) =>
  ask<Source>("PATCH", path(["payments", "sources", id]), { body });

export const rotateSource = (id: string) => ask<Source>("POST", path(["payments", "sources", id, "rotate"]));

export const removeSource = (id: string) => ask("DELETE", path(["payments", "sources", id]));
