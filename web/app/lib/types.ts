// What the store answers (`/api/docs`), as far as the shop reads it.

import type { ChainPayment } from "@sealpost/marketplace-client";
import type { asWallet } from "@sealpost/plugin-sdk";

/** What agrees on secrets with a private key that stays where it is. */
export type Wallet = Awaited<ReturnType<typeof asWallet>>;

export type Curve = "secp256k1" | "p256" | "p384" | "x25519" | "ed25519";

export interface Price {
  amount: string;
  currency: string;
  /** Where the store says them. */
  decimals?: number;
}

/** A plugin's manifest: whatever its publisher wrote, with what ABI 1 knows of. */
export interface Manifest {
  name?: string;
  version?: string;
  type?: string;
  description?: string;
  abi?: number;
  permissions?: string[];
  memory?: { maxPages?: number };
  functions?: Record<string, FunctionShape>;
}

export interface FunctionShape {
  params?: ParamType[];
  result?: ParamType | "none";
  description?: string;
}

export type ParamType = "i32" | "i64" | "f32" | "f64" | "bytes" | "text" | "json";

/** What a slicer said of a G-code file. */
export interface Preview {
  slicer?: string;
  layers?: number;
  estimated_time_s?: number;
  filament_mm_x100?: number;
  filament_type?: string;
  /** Printer it was sliced for. */
  printer?: string;
  /** Width and depth of that printer's bed. */
  bed_mm?: [number, number];
  nozzle_mm_x1000?: number;
  layer_height_mm_x1000?: number;
  nozzle_temp_c?: number;
  bed_temp_c?: number;
  /** Where it extrudes: X, Y, Z. */
  extent?: { min_mm_x100: [number, number, number]; max_mm_x100: [number, number, number] };
  thumbnail_url?: string;
}

/** A picture of a listing, as the store painted it anew. */
export interface Picture {
  id: string;
  alt: string;
  width: number;
  height: number;
  url: string;
  small_url: string;
}

export interface Rating {
  average_x100: number;
  count: number;
}

export interface Release {
  id: string;
  listing: string;
  version: string;
  state: "active" | "yanked";
  cipher: string;
  plain_size: number;
  blob_size: number;
  blob_sha256: string;
  cid?: string;
  manifest?: Manifest;
  signature?: string;
  publisher_key?: string;
  plain_sha256?: string;
  preview?: Preview | null;
  notes?: string;
  created_at: string;
}

export interface Listing {
  id: string;
  title: string;
  description: string;
  kind: "gcode" | "plugin";
  state: string;
  publisher: string;
  publisher_name: string;
  price?: Price | null;
  /** Address that is paid on chain; not sold there where absent. */
  payout?: string;
  /** Whether its price can be paid there. */
  on_chain?: boolean;
  /** Prints (devices, for plugins) that a purchase grants. */
  prints: number;
  free_retries: number;
  seal_once: boolean;
  free_updates: boolean;
  valid_days?: number;
  plugin?: { plugin_id: string; devices: number; publisher_key?: string };
  created_at: string;
  pictures?: Picture[];
  rating?: Rating;
  releases: Release[];
}

export interface Device {
  id: string;
  curve: Curve;
  public_key: string;
  name?: string;
  index?: number;
  created_at: string;
}

export interface Licence {
  id: string;
  listing: string;
  title: string;
  kind?: "gcode" | "plugin";
  state: "active" | "suspended" | "revoked";
  plugin_id?: string;
  publisher_key?: string | null;
  devices_allowed?: number;
  devices?: Device[];
  prints_allowed: number;
  prints_used: number;
  prints_reserved: number;
  expires_at?: string | null;
  /** The newest version it covers; all where absent. */
  covers?: string | null;
  purchase?: string;
  publisher_name?: string;
  /** The version that it gives now. */
  newest?: string;
  /** Path of a small picture. */
  picture?: string;
  created_at: string;
}

/** Whom a content key is wrapped for. */
export interface Recipient {
  curve: Curve;
  public_key: string;
  index?: number;
  name?: string;
}

export type Payment =
  | { method: "free" }
  | { method: "voucher"; code: string }
  | { method: "marked_paid" }
  | { method: "external"; source?: string }
  | { method: "chain"; tx_hash: string };

export interface Purchase {
  purchase: Order;
  licence?: Licence | null;
  device?: Device;
  payment?: ChainPayment;
  /** Where to pay, while somebody else's page takes the money. */
  payment_url?: string;
  /** How the seller is paid and reached, in their words, while nothing else says where to pay. */
  how_to_pay?: string;
  seller_name?: string;
}

/** A purchase by itself. */
export interface Order {
  id: string;
  listing: string;
  method: "free" | "voucher" | "marked_paid" | "webhook" | "chain";
  state: "pending" | "paid" | "undone" | "refunded" | "failed" | "cancelled" | "declined";
  kind: "gcode" | "plugin";
  title: string;
  price?: Price | null;
  licence?: string;
  /** What the buyer wrote to the seller. */
  note?: string;
  /** What the seller said when they declined it. */
  answer?: string;
  created_at: string;
}

export interface Account {
  user_id: string;
  email: string;
  username: string;
  roles?: string[];
}
