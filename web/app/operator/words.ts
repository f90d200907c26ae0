// Words for what operators see.

import type { Condition, Entry, ListingState } from "./api";

type Kind = "plain" | "good" | "bad" | "note";

export const CONDITIONS: Record<Condition, { text: string; kind: Kind }> = {
  ok: { text: "OK", kind: "good" },
  warn: { text: "Attention", kind: "note" },
  bad: { text: "Broken", kind: "bad" },
};

export const LISTING_STATES: Record<ListingState, { text: string; kind: Kind }> = {
  draft: { text: "Draft", kind: "plain" },
  listed: { text: "Listed", kind: "good" },
  unlisted: { text: "Unlisted", kind: "note" },
  suspended: { text: "Suspended", kind: "bad" },
};

/** What people say is wrong with a listing. */
export const REASONS: Record<string, string> = {
  dangerous: "It could damage a printer or hurt somebody",
  stolen: "It is somebody else's work",
  illegal: "It is against the law",
  misleading: "It is not what it says",
  other: "Something else",
};

export const CHECKS: Record<string, string> = {
  database: "Database",
  keys: "Key file",
  disk: "Disk",
  blobs: "Sealed files",
  jobs: "Prints",
  printers: "Printers",
  chain: "Chain",
  backup: "Backup",
  address: "Address",
  mail: "Mail",
  webhooks: "Webhooks",
};

/** What is counted, for the page of figures. */
export const FIGURES: Record<string, string> = {
  jobs_sealing: "Jobs being sealed",
  jobs_ready_to_print: "Jobs that wait for their printer",
  jobs_processing: "Jobs at their printer",
  jobs_printing: "Printing",
  jobs_paused: "Paused",
  jobs_interrupted: "Interrupted",
  jobs_success: "Printed",
  jobs_failure: "Failed",
  jobs_cancelled: "Cancelled",
  jobs_expired: "Expired",
  printers_paired: "Printers paired",
  printers_online: "Printers online",
  database_bytes: "Database",
  disk_free_bytes: "Free for sealed files",
  blobs_bytes: "Sealed files",
  blobs_pending: "Files being written or removed",
  blobs_missing: "Files missing",
  webhooks_waiting: "Webhook messages waiting",
  webhooks_failing: "Webhooks failing",
  mails_waiting: "Mails waiting",
  mails_given_up: "Mails given up",
  chain_blocks_behind: "Blocks not read yet",
};

/** An action of the audit log, such as `listing.suspended`, as people say it. */
export function action(name: string): string {
  return name.replaceAll(/[._]/g, " ");
}

/** What an entry of the audit log says besides, in short. */
export function details(entry: Entry): string {
  const shown = (value: unknown): string => {
    if (value === null || value === undefined) return "–";
    if (typeof value !== "object") return String(value);
    const { old, new: now } = value as { old?: unknown; new?: unknown };
    if (old !== undefined || now !== undefined) return `${shown(old)} → ${shown(now)}`;
    return JSON.stringify(value);
  };
  const said = Object.entries(entry.details ?? {}).filter(([name, value]) => value !== null && value !== "" && name !== "facts");
  return said.map(([name, value]) => `${name.replaceAll("_", " ")}: ${shown(value)}`).join(" · ");
}

/** Basis points as people write a share. */
export function share(bps: number): string {
  return `${(bps / 100).toLocaleString("en", { maximumFractionDigits: 2 })} %`;
}
