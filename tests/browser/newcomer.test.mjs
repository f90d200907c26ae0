// From nobody to a first sale, by the pages alone, with what a person of each size of screen has in hand.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE } from "./kit/parts.mjs";
import { choose, untilDraft } from "./kit/seller.mjs";
import { registerInShop } from "./kit/shop.mjs";
import { PASSWORD, startStore } from "./kit/store.mjs";

for (const [size, options] of Object.entries(SIZES)) {
  describe(`a newcomer (${size})`, () => {
    let store, browser;

    before(async () => {
      store = await startStore();
      browser = await launch();
    });
    after(async () => {
      await browser?.close();
      await store?.stop();
    });

    test("registers, publishes a file, is bought from by another newcomer, and has the money noted", async () => {
      const seller = await openPage(browser, options);
      const page = seller.page;
      await page.goto(`${store.url}/shop/`);
      await registerInShop(page, "maker");
      await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Sell" }).click();
      await accessible(page);
      await page.getByRole("link", { name: "Publish a file" }).first().click();
      await choose(page, GCODE);
      await page.getByRole("radio", { name: /^Fixed price/ }).check();
      await page.getByLabel("Amount").fill("4.50");
      await page.getByLabel("Title").fill("A post for a wax seal");
      await accessible(page);
      await page.getByRole("button", { name: "Seal and send" }).click();
      await untilDraft(page);
      await page.getByRole("button", { name: "Publish", exact: true }).click();
      await page.getByText("Everybody finds it and can buy it.").waitFor();
      await picture(page, `newcomer-published-${size}`);

      const buyer = await openPage(browser, options);
      await buyer.page.goto(`${store.url}/shop/`);
      await buyer.page.getByRole("searchbox").fill("wax");
      await buyer.page.getByRole("link", { name: "A post for a wax seal" }).click();
      await buyer.page.getByRole("link", { name: "Get it" }).click();
      await buyer.page.getByRole("button", { name: "I am new here" }).click();
      await buyer.page.getByLabel("E-mail address").fill("guest@example.org");
      await buyer.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await buyer.page.getByRole("button", { name: "Register and go on" }).click();
      await buyer.page.getByRole("radio", { name: /^Pay the seller directly/ }).check();
      await buyer.page.getByRole("button", { name: "Order it" }).click();
      await buyer.page.getByRole("heading", { name: "Waiting for the seller" }).waitFor();
      await accessible(buyer.page);

      await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Sell" }).click();
      await page.getByRole("navigation", { name: "Selling" }).getByRole("link", { name: "Orders" }).click();
      await page.getByRole("button", { name: "The money is here" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Yes, hand it over" }).click();
      await buyer.page.getByRole("heading", { name: "It is yours" }).waitFor();
      await buyer.page.getByRole("link", { name: "Go and print it" }).click();
      await buyer.page.getByRole("heading", { name: /prints? left$/ }).waitFor();
      await page.getByRole("navigation", { name: "Selling" }).getByRole("link", { name: "Sales" }).click();
      await page.getByText("€4.50").first().waitFor();
      await accessible(page);
      await picture(page, `newcomer-sold-${size}`);
      for (const { page, seen, context } of [seller, buyer]) {
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
        assert.deepEqual(seen.errors, []);
        await context.close();
      }
    });
  });
}
