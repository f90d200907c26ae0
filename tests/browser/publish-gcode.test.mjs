import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { publicKeyOf, toHex, unwrapMarketplaceDEK } from "../../sdk/plugin-sdk/index.js";
import { bech32 } from "../../web/node_modules/@scure/base/index.js";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE, SEALPOST } from "./kit/parts.mjs";
import { drop, signUp, untilDraft } from "./kit/seller.mjs";
import { failure } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";
import { tap, uploads } from "./kit/tap.mjs";

const run = promisify(execFile);
const CANARIES = ["CANARY-COMMENT-7f3a", "G1 X113.377 Y97.731 E4.00321", "iVBORw0KGgoAAAANSUhEUgAAACAAAAAg"];

describe("somebody publishes G-code in the page", () => {
  let store, browser, wire;

  before(async () => {
    wire = await tap();
    store = await startStore({ config: `public_url = "${wire.url}"\n` });
    wire.to(store);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await wire?.close();
    await store?.stop();
  });

  /** A sliced part with words of ours in it. */
  async function part() {
    const text = await readFile(GCODE, "utf8");
    const [comment, command] = CANARIES;
    return { name: "Seal_post v2.gcode", content: text.replace("\nG28", `\n; ${comment}\nG28\n${command}`) };
  }

  async function seller(name, options) {
    const opened = await openPage(browser, options);
    await signUp(opened, wire.url, name);
    return opened;
  }

  test("dropped, read, sealed, seen as a draft, published and bought; none of its text left the browser", async () => {
    const { page, context, seen } = await seller("sel");
    const file = await part();
    assert.ok(CANARIES.every((canary) => file.content.includes(canary)), "what is searched for is in the file");
    await drop(page, [file]);
    await page.getByRole("img", { name: "The part, as the slicer drew it" }).waitFor();
    const aside = page.getByRole("complementary");
    for (const word of ["Layers", "PrusaSlicer", "Material", "Time"]) await aside.getByText(word).first().waitFor();
    assert.equal(await page.getByLabel("Title").inputValue(), "Seal post v2");
    await picture(page, "publish-form");
    assert.deepEqual(uploads(wire.sent()), [], "nothing is sent before somebody says so");

    await page.getByLabel("Description").fill("A post.\nWith a seal on it.");
    await page.getByRole("radio", { name: /^Fixed price/ }).check();
    await page.getByLabel("Amount").fill("4.995");
    await page.getByLabel("Prints", { exact: true }).fill("0");
    await page.getByRole("button", { name: "Seal and send" }).click();
    await page.getByText("EUR has 2 decimals.").waitFor();
    await page.getByText("A whole number from 1 to").waitFor();
    assert.deepEqual(uploads(wire.sent()), []);
    await page.getByRole("radio", { name: /^Free/ }).check();
    await page.getByLabel("Prints", { exact: true }).fill("2");
    await page.getByLabel("Notes on this version").fill("The first one.");
    await page.getByRole("button", { name: "Seal and send" }).click();
    const listing = await untilDraft(page);
    await picture(page, "publish-draft");

    const [upload, ...more] = uploads(wire.sent());
    assert.equal(more.length, 0);
    assert.equal(upload.release.sealed.cipher, "age");
    assert.match(upload.file.subarray(0, 200).toString("latin1"), /^age-encryption\.org\/v1\n-> X25519 /);
    assert.ok(!upload.fileHead.includes("Seal"), "nor the file's name");
    const sent = wire.sent().toString("latin1");
    for (const canary of CANARIES) assert.ok(!sent.includes(canary), canary);
    assert.ok(sent.includes("With a seal on it."), "the search sees what is sent");
    assert.deepEqual(await opfs(page), [], "no sealed copy stays behind");

    const buyer = await atCommandLine(store, "buyer");
    await assert.rejects(buyer.ask("GET", `/api/v1/listings/${listing}`), /404/);
    const image = page.getByRole("complementary").getByRole("img");
    await image.waitFor();
    assert.ok(await image.evaluate((picture) => picture.decode().then(() => picture.naturalWidth > 0)));
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.getByText("Everybody finds it and can buy it.").waitFor();
    const shown = await buyer.ask("GET", `/api/v1/listings/${listing}`);
    assert.equal(shown.description, "A post.\nWith a seal on it.");
    assert.equal(shown.releases[0].notes, "The first one.");
    assert.equal(shown.releases[0].plain_size, Buffer.byteLength(file.content));
    const bought = await buyer.ask("POST", "/api/v1/purchases", { listing, payment: { method: "free" } });
    assert.equal(bought.licence.prints_allowed, 2);
    await page.goto(`${wire.url}/shop/sell`);
    await page.getByRole("link", { name: "Seal post v2" }).waitFor();
    assert.match(await page.getByRole("listitem").filter({ hasText: "Seal post v2" }).innerText(), /Sold\s*1/);
    await picture(page, "publish-listings");
    assert.deepEqual(seen.errors, []);
    assert.deepEqual(seen.console.filter((message) => message.type() === "error").map((message) => message.text()), []);
    await context.close();
  });

  test("what the browser sealed is opened by age and by the command line with the key of the envelope", async () => {
    const { page, context } = await seller("interop");
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const key = { curve: "x25519", public_key: toHex(await publicKeyOf("x25519", secret)) };
    await page.route("**/api/v1/vault-key", (route) => route.fulfill({ json: key }));
    const file = await part();
    const before = uploads(wire.sent()).length;
    await drop(page, [file]);
    await page.getByRole("button", { name: "Seal and send" }).click();
    assert.equal((await failure(page)).code.slice(0, 9), "envelope_", "the store's vault has another key");
    const { release, file: sealed } = uploads(wire.sent())[before];
    const { envelope, plain_sha256 } = release.sealed;
    const dek = await unwrapMarketplaceDEK(envelope, secret, `vault:${plain_sha256}`);

    const blob = path.join(store.folder, "sealed.age");
    await writeFile(blob, sealed);
    const identity = path.join(store.folder, "identity");
    await writeFile(identity, `${bech32.encodeFromBytes("age-secret-key-", dek).toUpperCase()}\n`);
    const opened = path.join(store.folder, "opened.gcode");
    await run("age", ["-d", "-i", identity, "-o", opened, blob]);
    assert.equal(await readFile(opened, "utf8"), file.content);
    const again = path.join(store.folder, "again.gcode");
    await run(SEALPOST, ["open", "--cipher", "age", "--dek-file", identity, blob, again]);
    assert.equal(await readFile(again, "utf8"), file.content);
    const header = sealed.subarray(0, sealed.indexOf("\n---")).toString("latin1");
    assert.equal(header.match(/^-> /gm).length, 1, "exactly one stanza");
    await context.close();
  });

  test("what was cancelled or cut goes on without typing again, and arrives once", async () => {
    const { page, context } = await seller("patient");
    const lines = Array.from({ length: 300_000 }, (_, at) => `G1 X${at % 200} Y${at % 180} E${at}\n`).join("");
    await drop(page, [{ name: "large.gcode", content: `G28\n${lines}` }]);
    await page.getByLabel("Title").fill("Large");
    let keys = 0;
    await page.route("**/api/v1/vault-key", async (route) => {
      keys += 1;
      // The first is never answered, so that there is something to cancel.
      if (keys > 1) await route.continue();
    });
    await page.getByRole("button", { name: "Seal and send" }).click();
    const stop = page.getByRole("button", { name: "Cancel" });
    await stop.waitFor();
    const asked = [];
    page.on("dialog", (dialog) => (asked.push(dialog.message()), dialog.dismiss()));
    const here = page.url();
    await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Library" }).click();
    const question = page.waitForEvent("dialog");
    await page.evaluate(() => history.back());
    await question;
    await page.waitForFunction((url) => location.href === url, here);
    assert.equal(asked.length, 2, "neither a link nor the way back leaves without a question");
    await stop.click();
    await page.getByRole("button", { name: /^Seal and send/ }).waitFor();
    assert.equal(await page.getByLabel("Title").inputValue(), "Large");
    assert.deepEqual(await opfs(page), []);

    wire.cutAfter(2 << 20);
    await page.getByRole("button", { name: /^Seal and send/ }).click();
    assert.equal((await failure(page)).code, "connection_lost");
    assert.equal((await opfs(page)).length, 1, "the sealed copy waits");
    assert.equal(keys, 2);
    wire.mend();
    await page.getByRole("button", { name: "Seal and send again" }).click();
    const listing = await untilDraft(page);
    assert.equal(keys, 2, "it was not sealed again");
    assert.deepEqual(await opfs(page), []);
    const own = await (await context.request.get(`${wire.url}/api/v1/me/listings`)).json();
    assert.equal(own.listings.length, 1);
    assert.equal(own.listings[0].listing.releases.length, 1);
    assert.equal(own.listings[0].listing.id, listing);
    await page.getByRole("button", { name: "Throw it away" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Throw it away" }).click();
    await page.getByRole("heading", { name: "You sell nothing here yet" }).waitFor();
    await context.close();
  });

  test("files that are neither G-code nor plugins are refused in words before anything is sent, whatever they are called", async () => {
    const { page, context, seen } = await seller("careless");
    const before = uploads(wire.sent()).length;
    const names = ['<img src=x onerror="globalThis.hacked=1">.gcode', "\u202Eedocg.gepj\u202C.gcode", `${"a".repeat(200)}.gcode`, "..\\..\\etc%00.gcode"];
    for (const [content, code] of [
      [Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46]), "neither"],
      [Buffer.from("GCDE\x01\0\0\0"), "binary_gcode"],
      [Buffer.from("PK\x03\x04aaaa"), "archive"],
      [Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), "not_wasm"],
      [Buffer.alloc(0), "file_empty"],
      [Buffer.from("only words; nothing to do\n"), undefined],
    ]) {
      for (const name of names) {
        await drop(page, [{ name, content }]);
        const told = await failure(page);
        if (code) assert.equal(told.code, code);
        assert.equal(await page.getByRole("button", { name: /^Seal and/ }).count(), 0);
        await page.getByRole("button", { name: "Another file" }).click();
      }
    }
    await drop(page, [{ name: "a.gcode", content: "G28\n" }, { name: "b.gcode", content: "G28\n" }]);
    assert.equal((await failure(page)).code, "one_file");
    const [hostile, turned] = names;
    await drop(page, [{ name: hostile, content: "G28\nG1 X1\n" }]);
    await page.getByRole("button", { name: "Seal and send" }).waitFor();
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
    assert.equal(await page.locator("main img[src='x']").count(), 0);
    await page.getByRole("button", { name: "Another file" }).click();
    await drop(page, [{ name: turned, content: "G28\nG1 X1\n" }]);
    await page.getByRole("button", { name: "Seal and send" }).waitFor();
    assert.ok(!/[\u202A-\u202E]/.test(await page.getByLabel("Title").inputValue()), "a proposed title turns nothing around");
    assert.equal(uploads(wire.sent()).length, before);
    assert.deepEqual(seen.errors, []);
    await context.close();
  });
});

/** Names of the sealed copies in this origin's files. */
function opfs(page) {
  return page.evaluate(async () => {
    const names = [];
    const root = await navigator.storage.getDirectory();
    for await (const [folder, handle] of root.entries()) {
      if (handle.kind === "directory") for await (const name of handle.keys()) names.push(`${folder}/${name}`);
    }
    return names;
  });
}
