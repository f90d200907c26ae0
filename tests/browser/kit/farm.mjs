// Printers without hardware, played over the printers' API: they claim and report as an agent does.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { GCODE } from "./parts.mjs";
import { atCommandLine } from "./store.mjs";

/** Somebody who sells a sliced part, for nothing, and what it is listed as. */
export async function sellPart(store, { name = "maker", title = "A post for a wax seal", prints = 200, seal_once = true, retries = 0 } = {}) {
  const seller = await atCommandLine(store, name);
  const listing = await seller.ask("POST", "/api/v1/listings", { title, prints, seal_once, free_retries: retries });
  const form = new FormData();
  const release = JSON.stringify({ listing: listing.id, version: "1.0.0" });
  form.append("release", new Blob([release], { type: "application/json" }));
  form.append("file", new Blob([await readFile(GCODE)]), path.basename(GCODE));
  const headers = { authorization: `Bearer ${seller.token}` };
  const answer = await fetch(`${store.url}/api/v1/releases`, { method: "POST", headers, body: form });
  if (!answer.ok) throw new Error(await answer.text());
  return { ...seller, listing: listing.id, title };
}

/** A licence of it. */
export async function take(buyer, listing) {
  const { licence } = await buyer.ask("POST", "/api/v1/purchases", { listing, payment: { method: "free" } });
  return licence;
}

/** A printer of somebody's, registered by its key. */
export async function addPrinter(store, owner, name) {
  const { publicKey } = generateKeyPairSync("x25519");
  const key = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url").toString("base64");
  const body = { printer_name: name, manufacturer: "Voron", model: "2.4", printer_public_key: key };
  const { id, printer_token: token } = await call(store, "POST", "/api/register-printer", owner.token, body);
  const speak = (method, route, body) => call(store, method, route, token, body);
  return {
    id,
    name,
    /** Takes the key of a job; what it prints is nobody's concern here. */
    claim: (job) => speak("POST", `/api/v1/jobs/${job}/claim`, { nonce: randomBytes(16).toString("hex") }),
    report: (job, status, more = {}) =>
      speak("POST", `/api/v1/jobs/${job}/reports`, { report_id: randomBytes(12).toString("hex"), lease: 1, status, ...more }),
    poll: () => speak("GET", "/api/printer-agent/poll-print-queue"),
  };
}

/** A print of a licence on a printer: the job. */
export function order(buyer, licence, printer) {
  return buyer.ask("POST", "/api/v1/jobs", { licence: licence.id, printer: printer.id });
}

async function call(store, method, route, token, body) {
  const headers = { authorization: `Bearer ${token}`, "sealpost-agent": "1", "user-agent": "sealpost-printer/1.0.0" };
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(store.url + route, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
