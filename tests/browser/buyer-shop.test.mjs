// What a buyer does in the shop: looking, finding, buying G-code by every way, keeping it, saying what it was like.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";

import { accessible } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE } from "./kit/parts.mjs";
import { sellPlugin, voucher } from "./kit/publisher.mjs";
import { chooseKey, isSignedIn, registerInCheckout, registerInShop, signInToShop, toListing, typeVoucher } from "./kit/shop.mjs";
import { atCommandLine, PASSWORD, startStore } from "./kit/store.mjs";

const SIZES = {
  desk: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "dark" },
};
/** A title that turns the text around, and tries to be a page. */
const HOSTILE = "\u202Eelpirt \u2067<img src=x onerror=alert(1)>";

describe("a buyer", () => {
  let store, browser, seller, token;

  before(async () => {
    store = await startStore();
    browser = await launch();
    seller = await atCommandLine(store, "maker");
    token = await tokenOf("maker");
    await offer("Vase with ripples", { id: "vase", prints: 2 });
    await offer("Étui for a lens", { id: "etui", price: { amount: "450", currency: "EUR" } });
    await offer("Cable comb", { id: "comb", price: { amount: "1250", currency: "EUR" } });
    await offer(HOSTILE, { id: "hostile", description: `${HOSTILE}\n`.repeat(40) });
    await offer("W".repeat(200), { id: "wide" });
    await sendPictures("vase", 2);
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  async function tokenOf(name) {
    const body = JSON.stringify({ email: `${name}@example.org`, password: PASSWORD });
    const headers = { "content-type": "application/json" };
    return (await (await fetch(`${store.url}/auth/login`, { method: "POST", headers, body })).json()).token;
  }

  async function send(path, body, type) {
    const headers = { authorization: `Bearer ${token}`, ...(type && { "content-type": type }) };
    const answer = await fetch(`${store.url}${path}`, { method: "POST", headers, body });
    assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`);
    return answer.json();
  }

  /** A listing with a sliced part in it. */
  async function offer(title, more) {
    const listing = await send("/api/v1/listings", JSON.stringify({ title, ...more }), "application/json");
    const form = new FormData();
    const release = { listing: listing.id, version: "1.0.0", notes: "The first one." };
    form.append("release", new Blob([JSON.stringify(release)], { type: "application/json" }));
    form.append("file", new Blob([await readFile(GCODE)]), "part.gcode");
    await send("/api/v1/releases", form);
    return listing;
  }

  async function sendPictures(listing, count) {
    const { page, context } = await openPage(browser);
    for (let place = 1; place <= count; place++) {
      const png = await page.evaluate((hue) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 600 });
        const brush = canvas.getContext("2d");
        brush.fillStyle = `hsl(${hue} 60% 55%)`;
        brush.fillRect(0, 0, 900, 600);
        return canvas.toDataURL("image/png").split(",")[1];
      }, place * 100);
      await send(`/api/v1/listings/${listing}/pictures?alt=View%20${place}`, Buffer.from(png, "base64"), "image/png");
    }
    await context.close();
  }

  const titles = (page) =>
    page.getByRole("list", { name: "Found" }).getByRole("heading").evaluateAll((all) => all.map((each) => each.textContent.trim()));
  const count = (page, wanted) =>
    page.waitForFunction((many) => document.querySelectorAll('[aria-label="Found"] > li').length === many, wanted);

  test("finds things by words, kind and price; the address keeps it, and back goes back", async () => {
    const { page, context } = await openPage(browser, SIZES.desk);
    await page.goto(`${store.url}/shop/`);
    await count(page, 5);
    await page.getByLabel("Search the shop").fill("LENS etui");
    await count(page, 1);
    assert.deepEqual(await titles(page), ["Étui for a lens"]);
    assert.match(page.url(), /q=LENS/);
    await page.getByLabel("Search the shop").fill("");
    await count(page, 5);
    await page.getByRole("button", { name: "Free", exact: true }).click();
    await count(page, 3);
    await page.goBack();
    await count(page, 5);
    await page.getByLabel(/^Costs at most/).fill("5");
    await page.getByLabel(/^Costs at most/).press("Enter");
    await count(page, 4);
    await page.getByRole("combobox", { name: "Sort" }).selectOption("price_down");
    await page.waitForFunction(() => document.querySelector('[aria-label="Found"] h2')?.textContent.includes("tui"));
    await page.reload();
    await count(page, 4);
    assert.equal((await titles(page))[0], "Étui for a lens");
    await page.getByRole("link", { name: "Étui for a lens" }).click();
    await page.getByRole("heading", { level: 1, name: "Étui for a lens" }).waitFor();
    await page.goBack();
    await count(page, 4);
    await page.getByRole("button", { name: "Plugins" }).click();
    await page.getByRole("heading", { name: "Nothing here is like that" }).waitFor();
    await page.getByRole("button", { name: "Show everything" }).click();
    await count(page, 5);
    await context.close();
  });

  for (const [size, options] of Object.entries(SIZES)) {
    test(`gets something for free without losing the place, and sees what is left (${size})`, async () => {
      const { page, context, seen } = await openPage(browser, options);
      await page.goto(`${store.url}/shop/`);
      await page.getByRole("link", { name: "Vase with ripples" }).waitFor();
      await picture(page, `buyer-catalogue-${size}`);
      await accessible(page);
      await page.getByRole("link", { name: "Vase with ripples" }).click();
      await page.getByRole("button", { name: "View 2" }).click();
      await page.getByRole("button", { name: "Enlarge: View 2" }).click();
      await page.getByRole("dialog", { name: "View 2" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByText("2 prints, on printers of yours").waitFor();
      await picture(page, `buyer-listing-${size}`);
      await accessible(page);
      await page.getByRole("link", { name: "Get it" }).click();
      await accessible(page);
      await registerInCheckout(page, `walker-${size}`);
      await page.getByRole("button", { name: "Get it for free" }).click();
      await page.getByRole("heading", { name: "2 prints left" }).waitFor();
      await picture(page, `buyer-licence-${size}`);
      await accessible(page);
      await page.getByRole("button", { name: "Print it" }).click();
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.getByRole("link", { name: "Library", exact: true }).first().click();
      await page.getByRole("button", { name: "Print Vase with ripples" }).waitFor();
      await picture(page, `buyer-library-${size}`);
      await accessible(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
      assert.deepEqual(seen.errors, []);
      await context.close();
    });
  }

  test("orders from the seller and sees it become theirs without doing anything", async () => {
    const { page, context } = await openPage(browser, SIZES.desk);
    await page.goto(`${store.url}/shop/listings/etui/buy`);
    await registerInCheckout(page, "patient");
    await page.getByRole("radio", { name: /^Pay the seller directly/ }).check();
    await page.getByText("What happens next").waitFor();
    await page.getByRole("button", { name: "Order it" }).click();
    await page.getByRole("heading", { name: "Waiting for the seller" }).waitFor();
    await picture(page, "buyer-waiting");
    const order = new URL(page.url()).pathname.split("/").at(-1);
    let asked = 0;
    page.on("request", () => asked++);
    await seller.ask("POST", `/api/v1/purchases/${order}/mark-paid`, {});
    await page.getByRole("heading", { name: "It is yours" }).waitFor();
    assert.ok(asked <= 4, `the page was told, and asked ${asked} times`);
    await page.getByRole("link", { name: "Go and print it" }).click();
    await page.getByRole("heading", { name: "1 print left" }).waitFor();
    await page.getByRole("link", { name: "Receipt" }).click();
    await page.getByText("€4.50").waitFor();
    await picture(page, "buyer-receipt");
    await page.getByRole("link", { name: "← Purchases" }).click();
    await page.getByRole("list", { name: "Purchases" }).getByText("Paid", { exact: true }).waitFor();
    await context.close();
  });

  test("reads how the seller is paid, leaves a note, calls an order off, and reads why another one is declined", async () => {
    await seller.ask("PUT", "/api/v1/me/seller", { how_to_pay: "AT00 1234\nann@example.org", about: "I make boats." });
    for (const [size, options] of Object.entries(SIZES)) {
      const { page, context, seen } = await openPage(browser, options);
      const order = async () => {
        await page.goto(`${store.url}/shop/listings/etui/buy`);
        await page.getByRole("radio", { name: /^Pay the seller directly/ }).check();
        await page.getByText("AT00 1234").waitFor();
        await page.getByLabel("Note for the seller").fill(`From ${size}`);
        await accessible(page);
        await page.getByRole("button", { name: "Order it" }).click();
        await page.getByRole("heading", { name: "Waiting for the seller" }).waitFor();
        return new URL(page.url()).pathname.split("/").at(-1);
      };
      await page.goto(`${store.url}/shop/listings/etui/buy`);
      await registerInCheckout(page, `caller-${size}`);
      await order();
      await page.getByText("AT00 1234").waitFor();
      await page.getByText(`From ${size}`).waitFor();
      await accessible(page);
      await picture(page, `buyer-order-${size}`);
      await page.goto(`${store.url}/shop/listings/etui`);
      await page.getByText("You ordered this; it waits for the payment.").waitFor();
      await accessible(page);
      await page.getByRole("link", { name: "See your order" }).click();
      await page.getByRole("button", { name: "Cancel the order…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).click();
      await page.getByRole("heading", { name: "You cancelled this order" }).waitFor();
      await accessible(page);

      const second = await order();
      await seller.ask("POST", `/api/v1/purchases/${second}/decline`, { answer: `Sold out for ${size}.` });
      await page.getByRole("heading", { name: "The seller declined this order" }).waitFor();
      await page.getByText(`Sold out for ${size}.`).waitFor();
      await accessible(page);
      const { publisher } = await seller.ask("GET", "/api/v1/listings/etui");
      await page.goto(`${store.url}/shop/publishers/${publisher}`);
      await page.getByText("I make boats.").waitFor();
      assert.deepEqual(seen.errors, []);
      await context.close();
    }
    await seller.ask("PUT", "/api/v1/me/seller", {});
  });

  test("pays on a page of the seller's, and sees it become theirs when that page says so", async () => {
    const source = { name: "Card", checkout_url: "https://pay.example/?ref={purchase}&amount={amount}&currency={currency}" };
    const made = await seller.ask("POST", "/api/v1/payments/sources", source);
    const { page, context } = await openPage(browser, SIZES.phone);
    await page.goto(`${store.url}/shop/listings/etui/buy`);
    await registerInCheckout(page, "carded");
    await page.getByRole("radio", { name: /^Pay online: Card/ }).check();
    await accessible(page);
    await page.getByRole("button", { name: "Go on to the payment" }).click();
    await page.getByRole("heading", { name: "Waiting for your payment" }).waitFor();
    const order = new URL(page.url()).pathname.split("/").at(-1);
    const pay = page.getByRole("link", { name: "Pay €4.50" });
    assert.equal(await pay.getAttribute("href"), `https://pay.example/?ref=${order}&amount=450&currency=EUR`);
    assert.match(await pay.getAttribute("rel"), /noopener noreferrer/);
    await picture(page, "buyer-external");
    const body = JSON.stringify({ purchase: order, amount: "450", currency: "EUR", status: "paid", reference: "ch_7" });
    const at = Math.floor(Date.now() / 1000);
    const key = Buffer.from(made.secret.replace(/^whsec_/, ""), "base64");
    const signature = `v1,${createHmac("sha256", key).update(`m7.${at}.${body}`).digest("base64")}`;
    const headers = { "webhook-id": "m7", "webhook-timestamp": `${at}`, "webhook-signature": signature, "content-type": "application/json" };
    const answer = await fetch(made.webhook_url, { method: "POST", headers, body });
    assert.equal(answer.status, 200, await answer.text());
    await page.getByRole("heading", { name: "It is yours" }).waitFor();
    await context.close();
  });

  test("pays with a voucher; a wrong one is told and nothing typed is lost", async () => {
    const { page, context } = await openPage(browser, SIZES.desk);
    await page.goto(`${store.url}/shop/listings/comb/buy`);
    await registerInCheckout(page, "gifted");
    await typeVoucher(page, "AAAA-BBBB-CCCC-DDDD");
    await page.getByRole("button", { name: "Buy with the voucher" }).click();
    await page.getByRole("alert").locator("[data-code]").waitFor();
    assert.equal(await page.getByLabel("Voucher code").inputValue(), "AAAA-BBBB-CCCC-DDDD");
    await page.getByLabel("Voucher code").fill(await voucher({ ...seller, listing: { id: "comb" } }));
    await page.getByRole("button", { name: "Buy with the voucher" }).click();
    await page.getByRole("heading", { name: "1 print left" }).waitFor();
    await page.getByRole("button", { name: "Give it back" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Give it back" }).click();
    await page.getByText("This licence is revoked.").waitFor();
    await page.getByText("Its payment was given back.").waitFor();
    await context.close();
  });

  test("who used a plugin says what it was like, changes it, is answered, and removes it", async () => {
    const plugin = await sellPlugin(store, { name: "author", title: "Insight", pluginId: "org.example.insight" });
    const { page, context } = await openPage(browser, SIZES.desk);
    await page.goto(`${store.url}/shop/`);
    await registerInShop(page, "critic");
    await toListing(page, "Insight");
    await page.getByText("No reviews yet.").waitFor();
    assert.equal(await page.getByRole("button", { name: "Write a review" }).count(), 0, "nobody who has not used it");
    await page.getByRole("link", { name: "Get it" }).click();
    await chooseKey(page, "browser");
    await page.getByRole("button", { name: "Get it for free" }).click();
    await page.getByRole("heading", { name: /^Devices: 1 of/ }).waitFor();
    await toListing(page, "Insight");
    await page.getByRole("button", { name: "Write a review" }).click();
    await page.getByRole("button", { name: "Publish the review" }).click();
    await page.getByRole("alert").locator('[data-code="review_stars"]').waitFor();
    await page.getByRole("radio", { name: /^4 stars/ }).check({ force: true });
    await page.getByLabel("How was it?").fill("<script>alert(1)</script> fine");
    await page.getByRole("button", { name: "Publish the review" }).click();
    await page.getByRole("article", { name: "Review by critic" }).getByText("<script>alert(1)</script> fine").waitFor();

    const publisher = await openPage(browser, SIZES.desk);
    await publisher.page.goto(`${store.url}/shop/sign-in?next=%2Fshop%2Flistings%2Forg.example.insight`);
    await signInToShop(publisher.page, "author");
    const review = publisher.page.getByRole("article", { name: "Review by critic" });
    await review.getByRole("button", { name: "Answer" }).click();
    await review.getByLabel("Your answer").fill("Thank you");
    await review.getByRole("button", { name: "Publish the answer" }).click();
    await review.getByText("Thank you").waitFor();
    assert.equal(await review.getByRole("button", { name: "Answer" }).count(), 0, "once");
    await publisher.context.close();

    // The author's page was told of the answer.
    await page.getByRole("article", { name: "Review by critic" }).getByText("Thank you").waitFor();
    await picture(page, "buyer-review");
    await page.getByRole("button", { name: "Change it" }).click();
    await page.getByRole("radio", { name: /^2 stars/ }).check({ force: true });
    await page.getByRole("button", { name: "Save the review" }).click();
    await page.getByRole("img", { name: "2 of 5 stars" }).first().waitFor();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
    await page.getByRole("button", { name: "Write a review" }).waitFor();
    assert.ok(plugin.listing.id);
    await context.close();
  });

  test("is not harmed by what sellers write: no code runs, nothing sticks out, other words stay as they are", async () => {
    for (const options of Object.values(SIZES)) {
      const { page, context, seen } = await openPage(browser, options);
      page.on("dialog", () => assert.fail("a seller's text ran"));
      for (const path of ["", "listings/hostile", "listings/wide", "listings/hostile/buy"]) {
        await page.goto(`${store.url}/shop/${path}`);
        await page.getByRole("heading", { level: 1 }).first().waitFor();
        await page.waitForLoadState("networkidle");
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, path);
        assert.equal(await page.locator("main img[src='x'], main script").count(), 0);
      }
      assert.deepEqual(seen.errors, []);
      await context.close();
    }
  });

  test("gets nothing of a store that is away, and everything once it is back", async () => {
    const { page, context } = await openPage(browser, SIZES.desk);
    await context.route("**/api/v1/listings?**", (route) => route.abort());
    await page.goto(`${store.url}/shop/`);
    await page.getByRole("alert").locator('[data-code="no_answer"]').waitFor();
    await context.unroute("**/api/v1/listings?**");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("link", { name: "Vase with ripples" }).waitFor();
    assert.equal(await isSignedIn(page, "nobody").count(), 0);
    await context.close();
  });
});
