import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { addPrinter, order, sellPart, take } from "./kit/farm.mjs";
import { signInToShop } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";

describe("the shop to people", () => {
  let store, browser, part, owner;

  before(async () => {
    store = await startStore();
    browser = await launch();
    part = await sellPart(store, { name: "maker", title: "A clip", prints: 3 });
    owner = await atCommandLine(store, "owner");
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  async function enter(options, name) {
    const opened = await openPage(browser, options);
    await opened.page.goto(`${store.url}/shop/sign-in`);
    await signInToShop(opened.page, name);
    return opened;
  }

  test("what is not there is said in their words, and leads on", async () => {
    const { page, context } = await enter(SIZES.phone, "owner");
    for (const [place, what, onward] of [
      ["listings/nothing", "listing", "Look at the shop"],
      ["printers/p_nothing", "printer", "Your printers"],
      ["jobs/job_nothing", "print", "Your prints"],
      ["library/lic_nothing", "licence", "Your library"],
    ]) {
      await page.goto(`${store.url}/shop/${place}`);
      await page.getByRole("heading", { name: `This ${what} is not here` }).waitFor();
      assert.match(await page.title(), /^\u2068Not found/);
      assert.ok(!/identifier|`|\/api\//.test(await page.locator("main").innerText()), "nothing for programs");
      await page.getByRole("link", { name: onward, exact: true }).waitFor();
    }
    await accessible(page);
    await picture(page, "manners-missing");
    await context.close();
  });

  test("who works by keys stays near what they did, also when its button goes", async () => {
    const { page, context } = await enter(SIZES.desk, "maker");
    await page.goto(`${store.url}/shop/sell/listings/${part.listing}`);
    await page.getByRole("button", { name: "Make a voucher" }).press("Enter");
    await page.getByRole("button", { name: "Make it", exact: true }).press("Enter");
    await page.getByText("Take the code now").waitFor();
    const held = () => page.evaluate(() => [document.activeElement?.tagName, document.activeElement?.textContent?.trim()]);
    const [tag, text] = await held();
    assert.notEqual(tag, "BODY");
    assert.match(text, /Vouchers/, "the place where it was made");
    await page.getByRole("button", { name: /^Revoke the voucher/ }).press("Enter");
    await page.getByRole("button", { name: "Revoke it" }).press("Enter");
    await page.getByRole("list", { name: "Vouchers" }).getByText("Revoked").waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.notEqual((await held())[0], "BODY", "nor is the place lost behind a question");
    await page.getByRole("button", { name: "Take it out of the lists" }).press("Enter");
    await page.getByRole("button", { name: "Put it in the lists" }).waitFor();
    assert.match((await held())[1], /Put it in the lists/);
    await page.getByRole("button", { name: "Put it in the lists" }).press("Enter");
    await page.getByRole("button", { name: "Take it out of the lists" }).waitFor();
    await context.close();
  });

  test("what somebody has is used from its page, and what is theirs is managed there", async () => {
    const { page, context } = await enter(SIZES.desk, "owner");
    await take(owner, part.listing);
    await page.goto(`${store.url}/shop/listings/${part.listing}`);
    await page.getByRole("link", { name: "Get another one" }).waitFor();
    await picture(page, "manners-listing");
    await accessible(page);
    await page.getByRole("button", { name: "Print it" }).click();
    await page.getByRole("dialog").waitFor();
    await context.close();
    const seller = await enter(SIZES.desk, "maker");
    await seller.page.goto(`${store.url}/shop/listings/${part.listing}`);
    await seller.page.getByRole("link", { name: "Manage it" }).click();
    await seller.page.getByRole("heading", { name: "A clip" }).first().waitFor();
    await seller.context.close();
  });

  test("a print that nobody knows of is found where prints are, told once, and listed with its licence", async () => {
    const licence = await take(owner, part.listing);
    const printer = await addPrinter(store, owner, "Workshop");
    const { id } = await order(owner, licence, printer);
    await printer.claim(id);
    await printer.report(id, "printing", { progress_permille: 400, layer: 8 });
    await printer.report(id, "interrupted", { message: "outcome_unknown: the printer was switched off" });
    const { page, context } = await enter(SIZES.phone, "owner");
    await page.goto(`${store.url}/shop/jobs`);
    await page.getByText("Of one print nobody knows how it went.").waitFor();
    await accessible(page);
    await picture(page, "manners-prints");
    await page.getByRole("link", { name: "Outcome unknown (1)" }).click();
    await page.locator(`[data-job="${id}"]`).click();
    await page.locator("[data-step=interrupted]").first().waitFor();
    assert.equal(await page.locator("[data-step=interrupted]").count(), 1);
    assert.equal(await page.getByRole("button", { name: /^Stop/ }).count(), 0, "there is nothing to stop");
    await picture(page, "manners-unknown");
    await page.goto(`${store.url}/shop/library/${licence.id ?? licence}`);
    await page.getByRole("list", { name: "Prints of this licence" }).getByText("Outcome unknown").waitFor();
    await context.close();
  });
});
