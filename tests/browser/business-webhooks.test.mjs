// A seller's programs and payment pages, attached in the page: what is sent to them, and what they say.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { signInToShop } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";

const NEAR = 'webhook_networks = ["127.0.0.0/8"]\nwebhook_http = true\n';

/** A signature by the Standard Webhooks scheme. */
function sign(secret, id, at, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`;
}

/** A program of the seller's that takes messages; `status` is what it answers. */
async function receiver() {
  const heard = [];
  const waiting = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    heard.push({ headers: request.headers, body });
    response.writeHead(self.status).end("heard");
    for (const wake of waiting.splice(0)) wake();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const self = {
    status: 200,
    heard,
    url: `http://127.0.0.1:${server.address().port}/hook`,
    async wait(count) {
      while (heard.length < count) await new Promise((wake) => waiting.push(wake));
      return heard;
    },
    stop: () => server.close(),
  };
  return self;
}

describe("a seller's business", () => {
  let store, browser, seller, buyer, listing;

  before(async () => {
    store = await startStore({ config: NEAR });
    browser = await launch();
    [seller, buyer] = [await atCommandLine(store, "ann"), await atCommandLine(store, "bob")];
    const price = { amount: "1999", currency: "EUR" };
    listing = await seller.ask("POST", "/api/v1/listings", { title: "Seal post <b>\u202eevil", price });
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  const order = async (method) => {
    const { purchase, payment_url } = await buyer.ask("POST", "/api/v1/purchases", { listing: listing.id, payment: { method } });
    return { id: purchase.id, payment_url };
  };

  for (const [size, options] of Object.entries(SIZES)) {
    test(`a program is attached, tried, told of a sale, and told again when it did not listen (${size})`, async (t) => {
      const hook = await receiver();
      t.after(hook.stop);
      const { page, context, seen } = await openPage(browser, options);
      await page.goto(`${store.url}/shop/sign-in?next=/shop/sales/webhooks`);
      await signInToShop(page, "ann");
      await page.goto(`${store.url}/shop/sales/webhooks`);
      await page.getByRole("button", { name: /^Add (a webhook|one)$/ }).click();
      const form = page.getByRole("dialog", { name: "A new webhook" });
      await form.getByLabel("Address").fill("http://192.168.0.1/hook");
      await form.getByRole("button", { name: "Add it" }).click();
      await form.getByText("leads into a network").waitFor();
      await form.getByLabel("Address").fill(hook.url);
      await form.getByLabel("What it is for").fill(`Books (${size})`);
      await accessible(page);
      await form.getByRole("button", { name: "Add it" }).click();
      const shown = page.getByRole("dialog", { name: "Keep this secret" });
      const secret = await shown.locator("code").innerText();
      assert.match(secret, /^whsec_/);
      await shown.getByRole("button", { name: "I have it" }).click();

      const before = hook.heard.length;
      await page.getByRole("listitem").filter({ hasText: `Books (${size})` }).getByRole("link").click();
      await page.getByRole("button", { name: "Send a test" }).click();
      const ping = (await hook.wait(before + 1))[before];
      assert.equal(JSON.parse(ping.body).type, "ping");
      const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = ping.headers;
      assert.equal(signature, sign(secret, id, at, ping.body));
      const messages = page.getByRole("list", { name: "Messages" });
      await messages.locator('[data-state="delivered"]').first().waitFor();

      hook.status = 500;
      const { id: purchase } = await order("marked_paid");
      await seller.ask("POST", `/api/v1/purchases/${purchase}/mark-paid`);
      await messages.getByText("answered 500").first().waitFor();
      hook.status = 200;
      const sale = messages.locator("details", { hasText: "Something was bought and paid" }).first();
      await sale.locator("summary").click();
      await sale.getByRole("button", { name: "Send again" }).click();
      await messages.locator('[data-state="delivered"]', { hasText: "Something was bought and paid" }).first().waitFor();
      await sale.getByRole("heading", { name: "Answers" }).waitFor();
      const sent = hook.heard.filter(({ body }) => body.includes(purchase));
      assert.ok(sent.length >= 2, "it was sent again");
      assert.equal(new Set(sent.map(({ headers }) => headers["webhook-id"])).size, 1, "under the id it had");
      await accessible(page);
      await picture(page, `business-webhook-${size}`);

      await page.getByRole("button", { name: "Remove…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
      await page.getByRole("heading", { name: "Webhooks" }).waitFor();
      assert.deepEqual(seen.errors, []);
      await context.close();
    });
  }

  test("a payment page says what was paid, and the order turns paid before the seller's eyes", async () => {
    const { page, context, seen } = await openPage(browser, SIZES.desk);
    await page.goto(`${store.url}/shop/sign-in`);
    await signInToShop(page, "ann");
    await page.goto(`${store.url}/shop/sales/payment`);
    await page.getByRole("button", { name: "Attach a payment page" }).click();
    const form = page.getByRole("dialog", { name: "A payment source" });
    await form.getByLabel("What buyers read").fill("Card");
    await form.getByLabel("Where they pay").fill("https://pay.example/?amount={amount}");
    await form.getByRole("button", { name: "Attach it" }).click();
    await form.getByText("needs `{purchase}`").waitFor();
    await form.getByLabel("Where they pay").fill("https://pay.example/?ref={purchase}&amount={amount}&currency={currency}");
    await accessible(page);
    await form.getByRole("button", { name: "Attach it" }).click();
    const shown = page.getByRole("dialog", { name: "Keep this secret" });
    const secret = await shown.locator("code").innerText();
    await shown.getByRole("button", { name: "I have it" }).click();
    const to = await page.getByRole("list", { name: "Payment sources" }).locator(".copy code").innerText();
    await picture(page, "business-payment");

    const { id, payment_url } = await order("external");
    assert.equal(payment_url, `https://pay.example/?ref=${id}&amount=1999&currency=EUR`);
    await page.goto(`${store.url}/shop/sales/orders`);
    const row = page.locator(`[data-purchase="${id}"]`);
    await row.and(page.locator('[data-state="pending"]')).waitFor();
    const body = JSON.stringify({ purchase: id, amount: "1999", currency: "EUR", status: "paid", reference: "ch_1" });
    const at = Math.floor(Date.now() / 1000);
    const headers = { "content-type": "application/json", "webhook-id": "m1", "webhook-timestamp": `${at}` };
    const answer = await fetch(to, { method: "POST", headers: { ...headers, "webhook-signature": sign(secret, "m1", at, body) }, body });
    assert.equal(answer.status, 200, await answer.text());
    await row.and(page.locator('[data-state="paid"]')).waitFor();
    await row.getByText("ch_1").waitFor();
    await row.getByRole("link", { name: "Receipt" }).click();
    await page.getByRole("heading", { name: "Receipt" }).waitFor();
    await page.getByText("€19.99").waitFor();
    await accessible(page);
    await picture(page, "business-receipt");
    assert.deepEqual(seen.errors, []);
    await context.close();
  });
});
