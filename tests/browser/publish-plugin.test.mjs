import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { MarketplaceClient } from "../../sdk/marketplace-client/index.js";
import { generateMnemonic, publisherFromMnemonic, walletFromMnemonic } from "../../sdk/plugin-sdk/index.js";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { MANIFEST, PLUGIN } from "./kit/parts.mjs";
import { drop, signUp, untilDraft } from "./kit/seller.mjs";
import { failure } from "./kit/shop.mjs";
import { atCommandLine, PASSWORD, startStore } from "./kit/store.mjs";

describe("somebody publishes a plugin in the page", () => {
  let store, browser, buyer;

  before(async () => {
    store = await startStore();
    browser = await launch();
    buyer = await atCommandLine(store, "buyer");
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  async function seller(name) {
    const opened = await openPage(browser);
    await signUp(opened, store.url, name);
    return opened;
  }

  async function manifest(version) {
    const content = JSON.stringify({ ...JSON.parse(await readFile(MANIFEST, "utf8")), version });
    return { name: "manifest.json", content };
  }

  /** The plugin as somebody else's device gets it, checked against the key that signed it. */
  async function opened(pluginId) {
    const client = new MarketplaceClient({ store: store.url });
    await client.login({ email: "buyer@example.org", password: PASSWORD });
    const wallet = await walletFromMnemonic(await generateMnemonic());
    const { licence } = await client.purchase({ pluginId, wallet });
    const plugin = await client.open({ licence, wallet });
    const stats = plugin.call("stats", new TextEncoder().encode("G28\nG1 X10 Y10 E1 F600\n"));
    plugin.dispose();
    return { licence, stats };
  }

  test("signed by a key that stays in the browser; a new version follows, and its buyers get it", async () => {
    const { page, context, seen } = await seller("maker");
    await drop(page, [PLUGIN, await manifest("1.0.0")]);
    await page.getByRole("complementary").getByText("stats").waitFor();
    assert.equal(await page.getByLabel("Title").inputValue(), "G-code Insight");
    await page.getByLabel("Plugin name").fill("has a space");
    await page.getByRole("button", { name: "Seal and send" }).click();
    await page.getByText("Letters, digits, dots, dashes and underscores").waitFor();
    await page.getByLabel("Plugin name").fill("org.example.insight");
    await page.getByText("There is no copy of this key.").waitFor();
    await picture(page, "publish-plugin");
    await page.getByRole("button", { name: "Seal and send" }).click();
    const listing = await untilDraft(page);
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.getByText("Everybody finds it and can buy it.").waitFor();
    const shown = await buyer.ask("GET", `/api/v1/listings/${listing}`);
    assert.equal(shown.releases[0].publisher_key, shown.plugin.publisher_key);
    assert.match(shown.plugin.publisher_key, /^[0-9a-f]{64}$/);
    assert.ok((await opened("org.example.insight")).stats);

    await page.getByRole("link", { name: "New version" }).first().click();
    await drop(page, [PLUGIN, await manifest("1.1.0")]);
    await page.getByRole("button", { name: "Seal and publish" }).waitFor();
    assert.equal(await page.getByLabel("Version", { exact: true }).inputValue(), "1.1.0");
    await page.getByLabel("What is new").fill("Better.");
    await page.getByRole("button", { name: "Seal and publish" }).click();
    await page.getByText("Better.").waitFor();
    const after = await buyer.ask("GET", `/api/v1/listings/${listing}`);
    assert.deepEqual(after.releases.map(({ version }) => version), ["1.1.0", "1.0.0"]);
    assert.equal(after.releases[0].publisher_key, shown.plugin.publisher_key);
    const exported = await page.evaluate(exportKeys);
    assert.deepEqual(exported, ["private, not extractable: InvalidAccessError"]);
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  test("signed by a recovery phrase, which makes the same key each time, and by no other key after that", async () => {
    const { page, context, seen } = await seller("careful");
    await drop(page, [PLUGIN, await manifest("1.0.0")]);
    await page.getByLabel("Plugin name").fill("org.example.careful");
    await page.getByRole("radio", { name: /^A recovery phrase/ }).check();
    await page.getByRole("radio", { name: "Make new ones" }).check();
    const words = page.getByRole("list", { name: "Recovery phrase" }).getByRole("listitem");
    await words.nth(11).waitFor();
    const phrase = (await words.allInnerTexts()).join(" ");
    await page.getByRole("button", { name: "Seal and send" }).click();
    assert.equal((await failure(page)).code, "phrase_not_kept");
    await page.getByRole("checkbox", { name: /I wrote them down/ }).check();
    await page.getByRole("button", { name: "Seal and send" }).click();
    const listing = await untilDraft(page);
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.getByText("Everybody finds it and can buy it.").waitFor();
    const { plugin } = await buyer.ask("GET", `/api/v1/listings/${listing}`);
    assert.equal(plugin.publisher_key, (await publisherFromMnemonic(phrase)).publicKey);
    const body = seen.requests.map((request) => request.postData() ?? "").join("\n");
    assert.ok(!body.includes(phrase));

    await page.getByRole("link", { name: "New version" }).first().click();
    await drop(page, [PLUGIN, await manifest("2.0.0")]);
    await page.getByLabel("Recovery phrase", { exact: true }).fill(await generateMnemonic({ words: 12 }));
    await page.getByRole("button", { name: "Seal and publish" }).click();
    assert.equal((await failure(page)).code, "other_signing_key");
    await page.getByLabel("Recovery phrase", { exact: true }).fill(phrase);
    await page.getByRole("button", { name: "Seal and publish" }).click();
    await page.getByRole("link", { name: "As buyers see it" }).waitFor();
    const { releases } = await buyer.ask("GET", `/api/v1/listings/${listing}`);
    assert.equal(releases[0].version, "2.0.0");
    await context.close();
  });

  test("signed by the key file of the command line", async () => {
    const { page, context } = await seller("filer");
    const file = path.join(store.folder, "publisher.key");
    const seed = "7f".repeat(32);
    await writeFile(file, `${seed}\n`);
    await drop(page, [PLUGIN]);
    await page.getByLabel("Plugin name").fill("org.example.filer");
    await page.getByLabel("Title").fill("Filer");
    await page.getByRole("radio", { name: /^A key file/ }).check();
    await page.getByLabel("Key file", { exact: true }).setInputFiles(MANIFEST);
    await page.getByRole("button", { name: "Seal and send" }).click();
    assert.equal((await failure(page)).code, "signing_key_file");
    await page.getByLabel("Key file", { exact: true }).setInputFiles(file);
    await page.getByRole("button", { name: "Seal and send" }).click();
    await untilDraft(page);
    const answer = await context.request.get(`${store.url}/api/v1/listings/org.example.filer`);
    const listing = await answer.json();
    const shown = JSON.parse(await buyer.sealpost(["publisher-key", "show", file, "--json"]));
    assert.equal(listing.plugin.publisher_key, shown.publisher_key);
    assert.deepEqual(listing.releases[0].manifest, { name: "Filer", version: "1.0.0", abi: 1 });
    await context.close();
  });
});

/** Runs in the page: what the browser says when the kept signing keys are asked for. */
async function exportKeys() {
  const database = await new Promise((resolve) => {
    indexedDB.open("sealpost-publisher").onsuccess = (event) => resolve(event.target.result);
  });
  const rows = await new Promise((resolve) => {
    database.transaction("keys").objectStore("keys").getAll().onsuccess = (event) => resolve(event.target.result);
  });
  database.close();
  return Promise.all(
    rows.map(async ({ pair }) => {
      const end = await crypto.subtle.exportKey("pkcs8", pair.privateKey).then(
        () => "exported",
        (error) => error.name,
      );
      return `${pair.privateKey.type}, ${pair.privateKey.extractable ? "extractable" : "not extractable"}: ${end}`;
    }),
  );
}
