// Somebody who sells the example plugin at the command line.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { MANIFEST, PLUGIN, PLUGIN_ID } from "./parts.mjs";
import { atCommandLine } from "./store.mjs";

export const TITLE = "G-code Insight";
const DESCRIPTION =
  "See what a G-code file prints before it prints: layers, time, filament and a picture of the part. " +
  "The file is read where you are and sent nowhere.";

/** Lists the plugin and publishes its first version: sealed here, signed, for three devices. */
export async function sellPlugin(store, { name = "seller", price, title = TITLE, pluginId = PLUGIN_ID, signed = true, currency = "EUR" } = {}) {
  const seller = await atCommandLine(store, name);
  const keyFile = path.join(store.folder, `${name}.key`);
  await seller.sealpost(["publisher-key", "new", "--out", keyFile]);
  const seed = Buffer.from((await readFile(keyFile, "utf8")).trim(), "hex");
  const shop = { ...seller, keyFile, seed, pluginId, signed };
  const terms = ["--title", title, "--description", DESCRIPTION, "--devices", "3"];
  if (price) terms.push("--price", price, "--currency", currency);
  const { listing, release } = await publish(shop, "1.0.0", { terms });
  return { ...shop, listing, release };
}

/** Another version of it. */
export async function publish(seller, version, { terms = [] } = {}) {
  const manifest = path.join(path.dirname(seller.keyFile), `${version}.json`);
  await writeFile(manifest, JSON.stringify({ ...JSON.parse(await readFile(MANIFEST, "utf8")), version }));
  const args = ["publish", PLUGIN, "--plugin-id", seller.pluginId, "--manifest", manifest, "--seal-here", "--json", ...terms];
  if (seller.signed) args.push("--signing-key-file", seller.keyFile);
  return JSON.parse(await seller.sealpost([...args, "--version", version]));
}

/** Has the listing's publisher take a release back. */
export async function yank(seller, release) {
  await seller.ask("PATCH", `/api/v1/releases/${release.id}`, { state: "yanked" });
}

/** Ends a licence. */
export async function revoke(seller, licence) {
  await seller.ask("POST", `/api/v1/licences/${licence}/revoke`, {});
}

/** A voucher's code, for one use. */
export async function voucher(seller) {
  return (await seller.ask("POST", "/api/v1/vouchers", { listing: seller.listing.id })).code;
}
