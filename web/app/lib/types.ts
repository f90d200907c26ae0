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
  free_updates: boolean;
  valid_days?: number;
  plugin?: { plugin_id: string; devices: number; publisher_key?: string };
  created_at: string;
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
  expires_at?: string | null;
  /** The newest version it covers; all where absent. */
  covers?: string | null;
  purchase?: string;
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
  | { method: "chain"; tx_hash: string };

export interface Purchase {
  purchase: { id: string; state: string };
  licence?: Licence | null;
  device?: Device;
  payment?: ChainPayment;
}

export interface Account {
  user_id: string;
  email: string;
  username: string;
  roles?: string[];
}
