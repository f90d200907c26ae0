import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { publicKeyOf, signLicence } from "@sealpost/plugin-sdk";

import { loadMarketplacePlugin } from "../index.js";
import { buyer, domain, pluginId, sold } from "./kit/selling.js";

const issuer = crypto.getRandomValues(new Uint8Array(32));
const issuerKey = await publicKeyOf("ed25519", issuer);
const { wallet } = await buyer("x25519");
const { bundle, publisherKey, domainKey } = await sold(wallet);

/** @param {Partial<import("@sealpost/plugin-sdk").Licence>} [changes] */
const issued = (changes) =>
  signLicence(
    {
      LICENSE_ID: "lic-1",
      PLUGIN_ID: pluginId,
      PLUGIN_VERSION: "^1.0",
      LICENSEE_ORG: "Example Org",
      LICENSEE_PUBKEY: wallet.publicKey,
      LICENSE_TYPE: "Commercial",
      MAX_ACTIVATIONS: 0,
      ISSUED_AT: "1790000000",
      VALID_FROM: "1790000000",
      EXPIRES_AT: "1800000000",
      ...changes,
    },
    issuer,
  );
const usual = { publisherKey, issuerKey, now: 1_795_000_000 };

describe("a plugin licence", () => {
  it("opens by the key it names", async () => {
    const plugin = await loadMarketplacePlugin(bundle, wallet, { ...usual, licence: JSON.stringify(await issued()) });
    assert.equal(plugin.call("compute", 2), 4);
  });

  it("for a domain opens by that domain's key, there alone", async () => {
    const licence = await issued({ ALLOWED_DOMAINS: [domain] });
    await loadMarketplacePlugin(bundle, null, { ...usual, licence, domain, domainKey });
    for (const elsewhere of [undefined, "other.example.com"]) {
      const there = { ...usual, licence, domain: elsewhere, domainKey };
      await assert.rejects(loadMarketplacePlugin(bundle, null, there), { code: "plk_wrong_domain" });
    }
  });

  for (const [name, changes, expected] of /** @type {[string, object, string][]} */ ([
    ["that expired", { EXPIRES_AT: "1790000001" }, "plk_expired"],
    ["that is not valid yet", { VALID_FROM: "1796000000" }, "plk_not_yet_valid"],
    ["for another plugin", { PLUGIN_ID: "com.publisher.other" }, "plk_wrong_plugin"],
    ["for another version", { PLUGIN_VERSION: "^2" }, "plk_wrong_version"],
    ["for another key", { LICENSEE_PUBKEY: "09".padEnd(64, "0") }, "plk_wrong_key"],
    ["for no key", { LICENSEE_PUBKEY: undefined }, "plk_field"],
  ])) {
    it(`${name} opens nothing`, async () => {
      const licence = await issued(changes).catch((error) => assert.equal(error.code, expected));
      if (!licence) return;
      await assert.rejects(loadMarketplacePlugin(bundle, wallet, { ...usual, licence }), { code: expected });
    });
  }

  it("that somebody changed or else signed opens nothing", async () => {
    const licence = await issued();
    const changed = { ...licence, LICENSEE_ORG: "Another" };
    await assert.rejects(loadMarketplacePlugin(bundle, wallet, { ...usual, licence: changed }), { code: "plk_bad_signature" });
    const other = await publicKeyOf("ed25519", crypto.getRandomValues(new Uint8Array(32)));
    const trusting = { ...usual, licence, issuerKey: other };
    await assert.rejects(loadMarketplacePlugin(bundle, wallet, trusting), { code: "plk_wrong_issuer" });
    await assert.rejects(loadMarketplacePlugin(bundle, wallet, { publisherKey, licence }), { code: "bad_argument" });
  });

  it("is no key of its own: a stranger's wallet opens nothing", async () => {
    const licence = await issued();
    const stranger = (await buyer("x25519")).wallet;
    await assert.rejects(loadMarketplacePlugin(bundle, stranger, { ...usual, licence }), { code: "plk_wrong_key" });
  });
});
