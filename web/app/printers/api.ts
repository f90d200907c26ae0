// Printers and jobs, as the store answers.

import { ask, path } from "../lib/ask";
import type { Listing, Preview } from "../lib/types";

export type JobState =
  | "sealing"
  | "ready_to_print"
  | "processing"
  | "printing"
  | "paused"
  | "success"
  | "failure"
  | "cancelled"
  | "expired"
  | "interrupted";

export interface Job {
  id: string;
  state: JobState;
  title: string;
  listing: string;
  release: string;
  licence: string;
  printer: string;
  printer_name: string;
  message?: string | null;
  progress_permille: number;
  layer?: number | null;
  layers?: number | null;
  filament_used_mm_x100?: number | null;
  print_duration_s?: number | null;
  estimated_s?: number | null;
  remaining_s?: number | null;
  picture?: string | null;
  reason?: { code: string; sentence: string; hint: string } | null;
  role: "buyer" | "publisher" | "operator";
  may_cancel: boolean;
  may_resolve: boolean;
  cancel_requested: boolean;
  free_retry: boolean;
  expires_at?: string | null;
  started_at?: string | null;
  ended_at?: string | null;
  created_at: string;
  updated_at: string;
  /** Of two views, the one with the higher number is the newer. */
  revision: number;
}

export interface Step {
  at: string;
  what: string;
  by: "buyer" | "publisher" | "operator" | "printer" | "store";
}

export interface Printer {
  id: string;
  name: string;
  manufacturer: string;
  model: string;
  key_id: string;
  last_seen?: string | null;
  created_at: string;
  online: boolean;
  agent?: string | null;
  reduced?: boolean | null;
  /** Under way, or nobody knows how it went. */
  job?: Job | null;
  waiting: number;
}

export interface Pairing {
  pairing_code: string;
  printer: { name?: string; manufacturer?: string; model?: string; extruder_count?: number };
  short_code: string;
  key_id: string;
  /** Once it has come. */
  printer_id?: string | null;
  status: "pending" | "approved" | "completed" | "denied" | "expired";
  expires_at: string;
}

export interface JobQuery {
  printer?: string;
  listing?: string;
  state?: "open" | "ended" | "interrupted";
  role?: "buyer" | "publisher";
}

export interface JobPage {
  jobs: Job[];
  next?: string | null;
}

/** What a print is made from, as far as asking for it needs. */
export interface PrintLicence {
  id: string;
  listing: string;
  title: string;
  state: string;
  kind?: "gcode" | "plugin";
  prints_allowed: number;
  prints_used: number;
  prints_reserved: number;
  expires_at?: string | null;
  /** The version that it gives now. */
  newest?: string;
}

/** What the version that a licence gives was made for; nothing where that cannot be told. */
export async function madeFor({ listing, newest }: PrintLicence): Promise<Preview | undefined> {
  const { releases } = await ask<Listing>("GET", path(["listings", listing]));
  return releases.find(({ version }) => version === newest)?.preview ?? undefined;
}

export const printers = async () => (await ask<{ printers: Printer[] }>("GET", path(["printers"]))).printers;
export const printer = (id: string) => ask<Printer>("GET", path(["printers", id]));
export const rename = (id: string, name: string) => ask<Printer>("PATCH", path(["printers", id]), { body: { name } });
export const unpair = (id: string) => ask<void>("DELETE", path(["printers", id]));

export const pairing = (code: string) => ask<Pairing>("GET", path(["pairings", code]));
export const approve = (code: string, name: string, short_code: string) =>
  ask<Pairing>("POST", path(["pairings", code, "approve"]), { body: { name: name || undefined, short_code } });
export const deny = (code: string) => ask<Pairing>("POST", path(["pairings", code, "deny"]), { body: {} });

export const job = (id: string) => ask<Job>("GET", path(["jobs", id]));
export const jobs = (query: JobQuery, after?: string, limit = 100) =>
  ask<JobPage>("GET", path(["jobs"], { ...query, after, limit }));
export const timeline = async (id: string) => (await ask<{ steps: Step[] }>("GET", path(["jobs", id, "timeline"]))).steps;
export const cancel = (id: string) => ask<Job>("POST", path(["jobs", id, "cancel"]), { body: {} });
export const resolve = (id: string, outcome: "success" | "failure" | "cancelled", message: string) =>
  ask<Job>("POST", path(["jobs", id, "resolve"]), { body: { outcome, message } });
export const print = (licence: string, printer: string, once: string) =>
  ask<Job>("POST", path(["jobs"]), { body: { licence, printer }, once });
