// What buyers read of listings and licences.

import { current, date, isFree, number } from "../lib/words";
import type { Licence, Listing, Order } from "../lib/types";

export const KINDS: Record<Listing["kind"], string> = { gcode: "G-code", plugin: "Plugin" };

/** The picture that stands for a listing: the publisher's first, else what the slicer drew. */
export function pictureOf(listing: Listing): string | undefined {
  return listing.pictures?.[0]?.small_url ?? current(listing)?.preview?.thumbnail_url;
}

export function saysOf(listing: Listing): string {
  return (listing.description || current(listing)?.manifest?.description || "").trim();
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** What a purchase gives, a sentence a line. */
export function gives(listing: Listing): string[] {
  const lines: string[] = [];
  if (listing.kind === "gcode") {
    lines.push(
      listing.prints === 1
        ? "One print, on a printer of yours that is paired with this store."
        : `${number(listing.prints)} prints, on printers of yours that are paired with this store.`,
    );
    lines.push(
      listing.free_retries === 0
        ? "A print that fails counts as one."
        : `The first ${listing.free_retries === 1 ? "print" : plural(listing.free_retries, "print")} that ${listing.free_retries === 1 ? "fails does" : "fail do"} not count.`,
    );
    lines.push("The file is opened inside the printer alone; you do not get it as a file.");
  } else {
    const devices = listing.plugin?.devices ?? listing.prints;
    lines.push(devices === 1 ? "It opens on one device of yours." : `It opens on ${number(devices)} devices of yours.`);
    lines.push("It runs in this page, on your device; what you give it stays there.");
  }
  lines.push(listing.free_updates ? "Later versions are included." : "The version you buy, and none that comes later.");
  lines.push(listing.valid_days ? `It lasts ${plural(listing.valid_days, "day")} from the day you buy it.` : "It does not end.");
  if (!isFree(listing)) lines.push(
    listing.kind === "gcode"
      ? "Until a printer was given the key you can give it back by yourself, and the seller owes you the money; after that the seller decides."
      : "Until a device was given the key you can give it back by yourself, and the seller owes you the money; after that the seller decides.",
  );
  return lines;
}

/** Prints or devices that are left. */
export function left(licence: Licence): number {
  if (licence.kind === "plugin") return Math.max(0, (licence.devices_allowed ?? 1) - (licence.devices?.length ?? 0));
  return Math.max(0, licence.prints_allowed - licence.prints_used - licence.prints_reserved);
}

export function leftText(licence: Licence): string {
  if (licence.kind === "plugin") {
    return `${licence.devices?.length ?? 0} of ${plural(licence.devices_allowed ?? 1, "device")}`;
  }
  const under = licence.prints_reserved > 0 ? `, ${number(licence.prints_reserved)} under way` : "";
  return `${number(left(licence))} of ${plural(licence.prints_allowed, "print")} left${under}`;
}

export function isOver(licence: Licence): boolean {
  return Boolean(licence.expires_at && Date.parse(licence.expires_at) <= Date.now());
}

export function until(licence: Licence): string | undefined {
  if (!licence.expires_at) return undefined;
  return isOver(licence) ? `ended ${date(licence.expires_at)}` : `until ${date(licence.expires_at)}`;
}

export const METHODS: Record<Order["method"], string> = {
  free: "Free",
  voucher: "Voucher",
  marked_paid: "Directly to the seller",
  webhook: "On the seller's payment page",
  chain: "On a chain",
};

export const STATES: Record<Order["state"], { text: string; kind: "plain" | "good" | "bad" | "note" }> = {
  pending: { text: "Waiting for payment", kind: "note" },
  paid: { text: "Paid", kind: "good" },
  undone: { text: "Payment taken back", kind: "bad" },
  refunded: { text: "Refunded", kind: "plain" },
  failed: { text: "Came to nothing", kind: "plain" },
  cancelled: { text: "Cancelled", kind: "plain" },
  declined: { text: "Declined", kind: "plain" },
};
