// What operators ask the store, and what it answers.

import type { Proof } from "../account/api";
import { ask, path } from "../lib/ask";
import type { Account, Price } from "../lib/types";

export type Condition = "ok" | "warn" | "bad";

export interface Check {
  name: string;
  state: Condition;
  sentence: string;
  hint: string;
}

export interface Overview {
  warnings: Check[];
  open_reports: number;
  interrupted_jobs: number;
  people: number;
  listings: number;
  printers: number;
  sales: number;
  prints: number;
  fees: Price[];
}

export interface Health {
  state: Condition;
  checks: Check[];
  figures: Record<string, number>;
  version: string;
  uptime_s: number;
  at: string;
}

export interface Person {
  id: string;
  username: string;
  email: string;
  operator: boolean;
  created_at: string;
  last_seen?: string;
  suspended_at?: string;
  printers: number;
  listings: number;
  purchases: number;
  storage_bytes: number;
}

export interface People {
  people: Person[];
  accounts: number;
  operators: number;
  next?: string;
}

export interface Invitation {
  id: string;
  note: string;
  created_at: string;
  expires_at: string;
  used_at?: string;
  username?: string;
}

export type ListingState = "draft" | "listed" | "unlisted" | "suspended";

export interface Suspension {
  reason: string;
  since: string;
  with_publisher: boolean;
}

export interface OperatorListing {
  id: string;
  title: string;
  kind: "gcode" | "plugin";
  state: ListingState;
  publisher: string;
  publisher_name: string;
  created_at: string;
  sold: number;
  open_reports: number;
  suspension?: Suspension;
}

export interface Report {
  id: string;
  listing: string;
  title: string;
  listing_state: ListingState | "";
  reporter: string;
  reporter_name?: string;
  reason: string;
  words: string;
  state: "open" | "closed";
  created_at: string;
  closed_at?: string;
  note?: string;
}

export interface Pace {
  burst: number;
  every_ms: number;
}

export type Rates = Record<"sign_up" | "sign_in" | "purchase" | "voucher" | "device" | "upload" | "job" | "report", Pace>;

export interface Settings {
  name: string;
  registration: "open" | "invited" | "closed";
  currency: string;
  fee_bps: number;
  contact: string;
  terms: string;
  upload_bytes: number;
  storage_bytes: number;
  listings: number;
  open_jobs: number;
  rates: Rates;
}

export interface SettingsAnswer {
  settings: Settings;
  defaults: Settings;
  chain_fee_bps?: number;
}

export interface Entry {
  id: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  details: Record<string, unknown>;
}

export interface Log {
  entries: Entry[];
  names: Record<string, string>;
  next?: number;
}

export interface BackupMade {
  at: string;
  target?: string;
  bytes?: number;
  verified: boolean;
  rows: number;
  blobs: number;
  missing: number;
}

export interface Backup {
  last?: BackupMade;
  earlier: BackupMade[];
  key_files: { path: string; key: string; confirmed_at?: string }[];
  health: Check;
}

type Query = Record<string, string | number | undefined>;

export const overview = () => ask<Overview>("GET", path(["operator", "overview"]));
export const health = () => ask<Health>("GET", path(["operator", "health"]));

export const people = (query: Query) => ask<People>("GET", path(["people"], query));
export const person = (id: string) => ask<Person>("GET", path(["people", id]));
export const setOperator = (id: string, operator: boolean, proof: Proof) =>
  ask<Person>("PATCH", path(["people", id]), { body: { operator, ...proof } });
export const suspendPerson = (id: string, reason: string, proof: Proof) =>
  ask<Person>("POST", path(["people", id, "suspend"]), { body: { reason, ...proof } });
export const liftPerson = (id: string, proof: Proof) => ask<Person>("POST", path(["people", id, "lift"]), { body: proof });
export const resetLink = (id: string, proof: Proof) =>
  ask<{ link: string; expires_at?: string }>("POST", path(["people", id, "reset-link"]), { body: proof });

export const invitations = () => ask<{ invitations: Invitation[] }>("GET", path(["invitations"]));
export const invite = (note: string) => ask<{ link: string; invitation: Invitation }>("POST", path(["invitations"]), { body: { note } });
export const uninvite = (id: string) => ask("DELETE", path(["invitations", id]));

export const listings = (query: Query) =>
  ask<{ listings: OperatorListing[]; next?: string }>("GET", path(["operator", "listings"], query));
export const suspendListing = (id: string, reason: string) =>
  ask<Suspension>("POST", path(["listings", id, "suspend"]), { body: { reason } });
export const liftListing = (id: string) => ask("POST", path(["listings", id, "lift"]));
export const suspensionOf = (id: string) => ask<Suspension>("GET", path(["listings", id, "suspension"]));

export const reports = (query: Query) => ask<{ reports: Report[]; next?: string }>("GET", path(["operator", "reports"], query));
export const closeReport = (id: string, note: string) => ask("POST", path(["operator", "reports", id, "close"]), { body: { note } });
export const report = (listing: string, reason: string, words: string, once: string) =>
  ask<{ id: string }>("POST", path(["listings", listing, "reports"]), { body: { reason, words }, once });

export const settings = () => ask<SettingsAnswer>("GET", path(["operator", "settings"]));
export const change = (body: Partial<Settings>) => ask<SettingsAnswer>("PATCH", path(["operator", "settings"]), { body });

export const log = (query: Query) => ask<Log>("GET", path(["operator", "audit"], query));
export const logFile = (query: Query) => path(["operator", "audit", "export"], query);

export const backup = () => ask<Backup>("GET", path(["operator", "backup"]));
export const confirmKey = (key: string) => ask("POST", path(["operator", "backup", "keys"]), { body: { key } });

export async function setUp(setup_token: string, email: string, username: string, password: string) {
  const body = { setup_token, email, username: username || undefined, password };
  const { token } = await ask<{ token: string }>("POST", path(["setup"]), { body });
  // Programs sign in by a token; a page does by its cookie, and leaves none behind.
  await ask("POST", "/auth/logout", { headers: { authorization: `Bearer ${token}` } }).catch(() => {});
}
export const enter = (email: string, password: string) => ask<Account>("POST", "/auth/session", { body: { email, password } });
