import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";

import { deriveDomainKey, encryptWithKEKWrapper, publicKeyOf, signBundle } from "../../sdk/plugin-sdk/index.js";
import { instantiated, launch, openPage } from "./kit/chromium.mjs";
import { startSite } from "./kit/pages.mjs";
import { GCODE, MANIFEST, PLUGIN, PLUGIN_ID } from "./kit/parts.mjs";

describe("a domain-gated plugin on a site of somebody's own", () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const signer = crypto.getRandomValues(new Uint8Array(32));
  let site, browser, page, bundle, options, gcode;

  before(async () => {
    const manifest = JSON.parse(await readFile(MANIFEST, "utf8"));
    const about = { version: manifest.version, manifest };
    const sealed = await encryptWithKEKWrapper(await readFile(PLUGIN), secret, PLUGIN_ID, ["localhost", "example.org"], about);
    bundle = await signBundle(sealed, signer);
    options = { publisherKey: Buffer.from(await publicKeyOf("ed25519", signer)).toString("hex") };
    gcode = await readFile(GCODE, "utf8");
    site = await startSite("pages/loader.mjs");
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    site?.stop();
  });

  const keyOf = async (domain) => Buffer.from(await deriveDomainKey(secret, domain, PLUGIN_ID)).toString("hex");

  /** what the page makes of it, and what it asked of WebAssembly. */
  async function load(more) {
    ({ page } = await openPage(browser));
    await page.goto(site.url);
    await page.waitForFunction(() => globalThis.ready);
    const told = await page.evaluate((asked) => globalThis.layers(asked), { bundle, options: { ...options, ...more }, gcode });
    const calls = await instantiated(page);
    await page.context().close();
    return { ...told, calls };
  }

  test("opens with the key of the page's domain", async () => {
    const { layers, calls } = await load({ domainKey: await keyOf("localhost"), domain: "localhost" });
    assert.equal(layers, 21);
    assert.deepEqual(calls, ["compile", "instantiate"]);
  });

  for (const [what, asked, code] of [
    ["the key of a domain it was not sealed for", async () => ({ domainKey: await keyOf("evil.example") }), "domain_not_for_us"],
    ["a key for another domain than the page's", async () => ({ domainKey: await keyOf("example.org"), domain: "example.org" }), "domain_wrong_host"],
    ["no key at all", async () => ({}), "bad_argument"],
  ]) {
    test(`with ${what}: a clear message, nothing instantiated`, async () => {
      const told = await load(await asked());
      assert.equal(told.code, code, told.message);
      assert.ok(told.message.length > 20 && told.hint.length > 15, JSON.stringify(told));
      assert.deepEqual(told.calls, []);
    });
  }
});
