// A seller's sales and orders, in numbers and on the way, at a desk and on a phone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { signInToShop } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";

describe("a seller's sales", () => {
  let store, browser, seller, buyer, listing;

  before(async () => {
    store = await startStore();
    browser = await launch();
    [seller, buyer] = [await atCommandLine(store, "ann"), await atCommandLine(store, "bob")];
    const price = { amount: "1999", currency: "EUR" };
    listing = await seller.ask("POST", "/api/v1/listings", { title: '=SUM(A1) <img src="x" onerror="alert(1)">', price });
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  const order = async () => {
    const { purchase } = await buyer.ask("POST", "/api/v1/purchases", { listing: listing.id, payment: { method: "marked_paid" } });
    return purchase.id;
  };

  test("an order that comes throws nothing away of what is seen", async () => {
    const free = await seller.ask("POST", "/api/v1/listings", { title: "Many", price: { amount: "100", currency: "EUR" } });
    const more = async () => buyer.ask("POST", "/api/v1/purchases", { listing: free.id, payment: { method: "marked_paid" } });
    const first = await more();
    for (let at = 0; at < 55; at += 1) await more();
    const { page, context } = await openPage(browser, SIZES.desk);
    await page.goto(`${store.url}/shop/sign-in`);
    await signInToShop(page, "ann");
    await page.goto(`${store.url}/shop/sales/orders?listing=${free.id}`);
    await page.getByRole("button", { name: "More" }).click();
    const oldest = page.locator(`[data-purchase="${first.purchase.id}"]`);
    await oldest.waitFor();
    const last = await more();
    await page.locator(`[data-purchase="${last.purchase.id}"]`).waitFor();
    assert.ok(await oldest.isVisible());
    await context.close();
  });

  test("a seller says how they are paid, reads a buyer's note, and declines an order with a sentence", async () => {
    for (const [size, options] of Object.entries(SIZES)) {
      const { page, context, seen } = await openPage(browser, options);
      await page.goto(`${store.url}/shop/sign-in`);
      await signInToShop(page, "ann");
      await page.goto(`${store.url}/shop/sales/payment`);
      await page.getByLabel("How to pay me and reach me").fill(`AT00 ${size}`);
      await page.getByRole("button", { name: "Save it" }).click();
      await page.getByText("It is saved").waitFor();
      await accessible(page);
      await picture(page, `business-payment-${size}`);
      const ways = await buyer.ask("GET", `/api/v1/listings/${listing.id}/payment`);
      assert.equal(ways.how_to_pay, `AT00 ${size}`);

      const body = { listing: listing.id, payment: { method: "marked_paid" }, note: "From bob's account" };
      const { purchase } = await buyer.ask("POST", "/api/v1/purchases", body);
      await page.goto(`${store.url}/shop/sales/orders`);
      const row = page.locator(`[data-purchase="${purchase.id}"]`);
      await row.getByText("From bob's account").waitFor();
      await row.getByRole("button", { name: "Decline…" }).click();
      await page.getByRole("dialog").getByLabel("What they read").fill("Sold out.");
      await accessible(page);
      await picture(page, `business-decline-${size}`);
      await page.getByRole("dialog").getByRole("button", { name: "Decline it" }).click();
      await row.and(page.locator('[data-state="declined"]')).waitFor();
      await row.getByText("Sold out.").waitFor();
      const read = await buyer.ask("GET", `/api/v1/purchases/${purchase.id}`);
      assert.deepEqual([read.purchase.state, read.purchase.answer], ["declined", "Sold out."]);
      assert.deepEqual(seen.errors, []);
      await context.close();
    }
  });

  for (const [size, options] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      test(`an order is seen coming, paid, refunded and counted (${size}, ${colorScheme})`, async () => {
        const { page, context, seen } = await openPage(browser, { ...options, colorScheme });
        await page.goto(`${store.url}/shop/sign-in`);
        await signInToShop(page, "ann");
        await page.goto(`${store.url}/shop/sales/orders`);
        await page.getByRole("heading", { name: "Orders" }).waitFor();
        const first = await order();
        const row = page.locator(`[data-purchase="${first}"]`);
        await row.and(page.locator('[data-state="pending"]')).waitFor();
        await row.getByRole("button", { name: "The money is here" }).click();
        await accessible(page);
        await page.getByRole("dialog").getByRole("button", { name: "Yes, hand it over" }).click();
        await row.and(page.locator('[data-state="paid"]')).waitFor();

        const second = await order();
        await seller.ask("POST", `/api/v1/purchases/${second}/mark-paid`);
        const other = page.locator(`[data-purchase="${second}"]`);
        await other.getByRole("button", { name: "Refund…" }).click();
        await picture(page, `business-refund-${size}-${colorScheme}`);
        await page.getByRole("dialog").getByRole("button", { name: "Refund it" }).click();
        await other.and(page.locator('[data-state="refunded"]')).waitFor();
        await accessible(page);
        await picture(page, `business-orders-${size}-${colorScheme}`);

        await page.getByLabel("State").selectOption("Refunded");
        await row.waitFor({ state: "detached" });
        await other.waitFor();

        const shown = await page.getByRole("link", { name: "Save as a table (CSV)" }).getAttribute("href");
        const csv = await page.evaluate(async (href) => (await fetch(href)).text(), shown);
        assert.match(csv, new RegExp(`\r\n${second},`));
        assert.doesNotMatch(csv, /(^|,)"?[=+@-]/m, "no cell begins a formula");

        await page.getByRole("navigation", { name: "Selling" }).getByRole("link", { name: "Sales" }).click();
        await page.getByRole("img", { name: /^Sales a day in EUR/ }).waitFor();
        await page.getByText("As a table").click();
        await page.getByRole("table", { name: "Sales a day in EUR" }).getByRole("row").nth(1).waitFor();
        await accessible(page);
        await picture(page, `business-sales-${size}-${colorScheme}`);
        const before = await page.locator(".figures dd").first().innerText();
        const third = await order();
        await seller.ask("POST", `/api/v1/purchases/${third}/mark-paid`);
        // Live, without a reload.
        await page.locator(".figures dd").first().filter({ hasText: String(Number(before) + 1) }).waitFor();
        assert.deepEqual(seen.errors, []);
        await context.close();
      });
    }
  }
});
