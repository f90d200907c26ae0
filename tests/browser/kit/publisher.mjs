// Somebody who sells the example plugin, at the command line or by the packages.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import { publicKeyOf, signRelease } from "../../../sdk/plugin-sdk/index.js";
import { MANIFEST, PLUGIN, PLUGIN_ID } from "./parts.mjs";
import { ask, register } from "./store.mjs";

export const TITLE = "G-code Insight";
const DESCRIPTION =
  "See what a G-code file prints before it prints: layers, time, filament and a picture of the part. " +
  "The file is read where you are and sent nowhere.";

/** Lists the plugin and publishes its first version, signed. */
export async function sellPlugin(store, { name = "seller", devices = 3, price, title = TITLE, pluginId = PLUGIN_ID } = {}) {
  const seller = await register(store, name);
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const publisher_key = Buffer.from(await publicKeyOf("ed25519", seed)).toString("hex");
  const plugin = { plugin_id: pluginId, devices, publisher_key };
  const body = { title, description: DESCRIPTION, kind: "plugin", plugin, price };
  const listing = await ask(store, "POST", "/api/v1/listings", { token: seller.token, body });
  const shop = { ...seller, listing: listing.id, pluginId, seed, publisher_key };
  return { ...shop, release: await publish(store, shop, "1.0.0") };
}

/** Another version of it. */
export async function publish(store, seller, version, { manifest } = {}) {
  const wasm = await readFile(PLUGIN);
  const said = { ...JSON.parse(await readFile(MANIFEST, "utf8")), version, ...manifest };
  const plain_sha256 = createHash("sha256").update(wasm).digest("hex");
  const statement = { listing: seller.pluginId, version, plain_sha256, cipher: "aes-256-gcm", manifest: said };
  const { signature } = await signRelease(statement, seller.seed);
  const form = new FormData();
  const release = JSON.stringify({ listing: seller.listing, version, manifest: said, signature });
  form.append("release", new Blob([release], { type: "application/json" }));
  form.append("file", new Blob([wasm]), "plugin.wasm");
  const headers = { authorization: `Bearer ${seller.token}` };
  const answer = await fetch(`${store.url}/api/v1/releases`, { method: "POST", headers, body: form });
  const read = await answer.json();
  if (!answer.ok) throw new Error(`the release was refused: ${JSON.stringify(read)}`);
  return read;
}
