// A seller says how prints went that the store lost sight of, and sees how prints ended.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { addPrinter, order, sellPart, take } from "./kit/farm.mjs";
import { signInToShop } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";

describe("prints that nobody knows of", () => {
  let store, browser, seller, buyer, licence, printer;

  before(async () => {
    store = await startStore();
    browser = await launch();
    seller = await sellPart(store, { retries: 1 });
    buyer = await atCommandLine(store, "bob");
    licence = await take(buyer, seller.listing);
    printer = await addPrinter(store, buyer, "Bench \u202eevil <i>");
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  /** A print that its printer lost: the job. */
  async function lost() {
    const job = await order(buyer, licence, printer);
    await printer.claim(job.id);
    await printer.report(job.id, "printing", { progress_permille: 420 });
    await printer.report(job.id, "interrupted", { message: "Klipper restarted; it may lie on the bed." });
    return job.id;
  }

  for (const [size, options] of Object.entries(SIZES)) {
    test(`come up by themselves, say what each decision costs, and are gone once decided (${size})`, async () => {
      const { page, context, seen } = await openPage(browser, options);
      await page.goto(`${store.url}/shop/sign-in`);
      await signInToShop(page, "maker");
      await page.goto(`${store.url}/shop/sales/prints`);
      await page.getByText("No print waits for you").waitFor();
      const job = await lost();
      const row = page.locator(`[data-job="${job}"]`);
      await row.getByText("Klipper restarted; it may lie on the bed.").waitFor();
      await row.getByText("42 % as it said last").waitFor();
      await picture(page, `business-prints-${size}`);
      await row.getByRole("button", { name: "Decide…" }).click();
      const dialog = page.getByRole("dialog", { name: "How did this print go?" });
      await dialog.getByText("The print is used up.").first().waitFor();
      if (size === "desk") await dialog.getByText(/takes one free retry of 1 free retry\. The buyer has 200 prints left/).first().waitFor();
      await accessible(page);
      await picture(page, `business-decide-${size}`);
      await dialog.getByRole("radio", { name: /^It failed/ }).check();
      await dialog.getByLabel("Why, for the buyer").fill("It came loose.");
      await dialog.getByRole("button", { name: "Say so" }).click();
      await page.getByText("No print waits for you").waitFor();
      const after = await buyer.ask("GET", `/api/v1/jobs/${job}`);
      assert.deepEqual([after.state, after.message], ["failure", "It came loose."]);
      assert.equal(after.free_retry, size === "desk", "the one free retry is for the first");

      await page.goto(`${store.url}/shop/sales`);
      await page.getByRole("region", { name: "Prints" }).getByText(/Failed \d/).waitFor();
      await accessible(page);
      await picture(page, `business-outcomes-${size}`);
      assert.deepEqual(seen.errors, []);
      await context.close();
    });
  }
});
