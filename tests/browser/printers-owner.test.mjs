import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { addPrinter, order, sellPart, take } from "./kit/farm.mjs";
import { startPrinter } from "./kit/moonraker.mjs";
import { signInToShop } from "./kit/shop.mjs";
import { atCommandLine, PASSWORD, startStore } from "./kit/store.mjs";

describe("the owner of a printer", () => {
  let store, browser, part, owner, owners;

  before(async () => {
    store = await startStore();
    browser = await launch();
    part = await sellPart(store, { prints: 3, seal_once: false });
    owners = { owner: await atCommandLine(store, "owner"), traveller: await atCommandLine(store, "traveller") };
    owner = owners.owner;
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  for (const [size, options] of Object.entries(SIZES)) {
    test(`pairs a real printer by the code it shows, prints what was bought, and sees the end (${size})`, async (t) => {
      const name = size === "desk" ? "owner" : "traveller";
      const owner = owners[name];
      const machine = await startPrinter(path.join(store.folder, size), { rate: 2_000 });
      t.after(() => machine.stop());
      const { page, seen, context } = await openPage(browser, options);
      await enter(page, store, name);
      await page.goto(`${store.url}/shop/printers`);
      await page.getByRole("heading", { name: "No printer yet" }).waitFor();
      await accessible(page);

      const pairing = await machine.pair(store);
      // What the printer's picture for phones leads to.
      const phone = await openPage(browser, SIZES.phone);
      await phone.page.goto(pairing.link);
      await signInToShop(phone.page, name);
      await phone.page.getByRole("heading", { name: "Is this your printer?" }).waitFor();
      await phone.context.close();
      await page.goto(pairing.link);
      await page.getByRole("heading", { name: "Is this your printer?" }).waitFor();
      assert.ok(!page.url().includes(pairing.code), "nobody reads it in the address");
      assert.equal(new URL(page.url()).pathname, "/shop/printers/add");
      assert.equal(await page.locator("[data-short-code]").innerText(), await pairing.shortCode());
      await accessible(page);
      await picture(page, `printers-pair-${size}`);
      await page.getByLabel("Name it").fill("Workshop");
      await page.getByRole("button", { name: "The numbers are the same: pair it" }).click();
      assert.equal(await pairing.done(), 0);
      await machine.run();
      await page.getByRole("heading", { name: "Workshop" }).waitFor();
      await page.getByText("Online").waitFor();

      const licence = await take(owner, part.listing);
      await page.evaluate((id) => (location.href = `/shop/library/${id}`), licence.id);
      await page.getByRole("button", { name: "Print it" }).click();
      await page.getByRole("radio", { name: /Workshop/ }).check();
      await page.getByText("1 of 3 prints").waitFor();
      await accessible(page);
      await page.getByRole("dialog").getByRole("button", { name: "Print it" }).click();
      await page.locator("[data-job][data-state=printing]").waitFor();
      await page.locator("[data-progress]").waitFor();
      await picture(page, `printers-printing-${size}`);
      await page.locator("[data-job][data-state=success]").waitFor({ timeout: 60_000 });
      for (const step of ["created", "sealed", "key_released", "starting", "success"]) {
        await page.locator(`[data-step="${step}"]`).first().waitFor();
      }
      await accessible(page);
      await picture(page, `printers-printed-${size}`);
      assert.deepEqual(seen.errors, []);
      await context.close();
    });
  }

  test("is told what is wrong with a code, and turns a stranger's printer away", async () => {
    const { page, context } = await openPage(browser, SIZES.phone);
    await enter(page, store, "owner");
    await page.goto(`${store.url}/shop/printers/add`);
    await page.getByLabel("Code on the printer").fill("bcdfghjk");
    assert.equal(await page.getByLabel("Code on the printer").inputValue(), "BCDF-GHJK");
    await page.getByRole("button", { name: "Show the printer" }).click();
    await page.locator('[data-code="pairing_code_unknown"]').waitFor();
    await accessible(page);
    const code = await strange(store);
    await page.getByLabel("Code on the printer").fill(code);
    await page.getByRole("button", { name: "Show the printer" }).click();
    await page.getByText("Somebody else's").waitFor();
    await page.getByRole("button", { name: "They are not: turn it away" }).click();
    await page.getByText("Turned away").waitFor();
    await context.close();
  });

  test("renames a printer, cancels a print, stops one, and unpairs after hearing what that means", async () => {
    const { page, context } = await openPage(browser, SIZES.phone);
    const quick = await sellPart(store, { name: "quick", title: "A clip", prints: 3 });
    const licence = await take(owner, quick.listing);
    const printer = await addPrinter(store, owner, "Old name");
    const [waits, prints] = [await order(owner, licence, printer), await order(owner, licence, printer)];
    await printer.claim(prints.id);
    await printer.report(prints.id, "printing", { progress_permille: 400, layer: 8 });
    await enter(page, store, "owner");
    await page.goto(`${store.url}/shop/printers/${printer.id}`);
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByLabel("Name of the printer").fill("New name");
    await page.getByRole("button", { name: "Save the name" }).click();
    await page.getByRole("heading", { name: "New name" }).waitFor();
    await accessible(page);
    await picture(page, "printers-phone");

    await page.goto(`${store.url}/shop/jobs/${waits.id}`);
    await page.getByRole("button", { name: "Cancel the print" }).click();
    await page.getByRole("dialog").getByText("has not begun").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the print" }).click();
    await page.locator('[data-code="cancelled_by_buyer"]').waitFor();

    await page.goto(`${store.url}/shop/jobs/${prints.id}`);
    await page.getByRole("button", { name: "Stop the print" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop the print" }).click();
    await page.getByText("Asked to stop").first().waitFor();
    await printer.report(prints.id, "cancelled", { message: "stop_asked: the printer was asked to stop by the store" });
    await page.locator("[data-state=cancelled]").waitFor();
    await accessible(page);

    await order(owner, licence, printer);
    await page.goto(`${store.url}/shop/printers/${printer.id}`);
    await page.getByRole("button", { name: "Unpair" }).click();
    await page.getByRole("dialog").getByText("1 print that waits is cancelled").waitFor();
    await page.getByRole("button", { name: "Unpair it" }).click();
    await page.getByRole("link", { name: "Workshop" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "New name" }).count(), 0);
    await context.close();
  });
});

async function enter(page, store, name) {
  const data = { username: name, password: PASSWORD };
  const answer = await page.request.post(`${store.url}/auth/session`, { data, headers: { origin: store.url } });
  assert.ok(answer.ok(), await answer.text());
}

/** The code of a printer that somebody else began to pair. */
async function strange(store) {
  const { generateKeyPairSync } = await import("node:crypto");
  const { publicKey } = generateKeyPairSync("x25519");
  const public_key = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url").toString("base64");
  const body = JSON.stringify({ public_key, key_type: "x25519", printer: { name: "Somebody else's" } });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${store.url}/api/printers/pair/start`, { method: "POST", headers, body });
  return (await answer.json()).pairing_code;
}
