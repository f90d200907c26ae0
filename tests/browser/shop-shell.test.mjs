import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage } from "./kit/chromium.mjs";
import { sellPlugin } from "./kit/publisher.mjs";
import { signInToShop } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";

/** What a first look may cost, as sent: page, scripts, styles and what the store answers; pictures come on top. */
const FIRST_VIEW = 150_000;

describe("the shop's shell", () => {
  let store, browser;

  before(async () => {
    store = await startStore();
    browser = await launch();
    await sellPlugin(store);
    await atCommandLine(store, "visitor");
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  test("is small at first sight, and asks nobody but the store", async () => {
    const { page, seen, context } = await openPage(browser, SIZES.phone);
    const session = await context.newCDPSession(page);
    const sent = new Map();
    await session.send("Network.enable");
    session.on("Network.responseReceived", ({ requestId, type }) => sent.set(requestId, { type, bytes: 0 }));
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (sent.has(requestId)) sent.get(requestId).bytes = encodedDataLength;
    });
    await page.goto(`${store.url}/shop/`);
    await page.getByRole("main").getByRole("link").first().waitFor();
    await page.waitForLoadState("networkidle");

    const total = [...sent.values()].filter(({ type }) => type !== "Image").reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok(total > 10_000 && total < FIRST_VIEW, `${total} bytes`);
    assert.deepEqual([...new Set(seen.requests.map((request) => new URL(request.url()).origin))], [store.url]);
    assert.deepEqual(seen.console.map((message) => message.text()), [], "nothing to complain about");
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  test("lets in no script that is not its own", async () => {
    const { headers } = await fetch(`${store.url}/shop/`);
    const policy = headers.get("content-security-policy");
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)|https?:|\*/);
    assert.match(policy, /require-trusted-types-for 'script'/);
  });

  for (const [size, options] of Object.entries(SIZES)) {
    test(`is kept signed in over a reload, and signed out in all tabs at once (${size})`, async () => {
      const { page, context } = await openPage(browser, options);
      await page.goto(`${store.url}/shop/sign-in`);
      await accessible(page);
      await signInToShop(page, "visitor");
      await page.reload();
      await page.getByRole("link", { name: "visitor" }).waitFor();
      const other = await context.newPage();
      await other.goto(`${store.url}/shop/`);
      await other.getByRole("link", { name: "visitor" }).click();
      await accessible(other);
      await other.getByRole("button", { name: "Sign out", exact: true }).click();
      await other.getByRole("link", { name: "Sign in" }).waitFor();
      await page.getByRole("link", { name: "Sign in" }).waitFor();
      await context.close();
    });
  }

  test("is walked by keyboard: past the navigation, to what is asked for, and back", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${store.url}/shop/library`);
    await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
    await page.goto(`${store.url}/shop/`);
    await page.getByRole("main").getByRole("link").first().waitFor();
    await page.keyboard.press("Tab");
    await page.getByRole("link", { name: "To the content" }).and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Enter");
    await page.locator("main:focus").waitFor();
    const link = page.getByRole("main").getByRole("link").first();
    await link.focus();
    await page.keyboard.press("Enter");
    await page.locator("main:focus").waitFor();
    assert.notEqual(new URL(page.url()).pathname, "/shop/");
    await page.goBack();
    await page.getByRole("main").getByRole("link").first().waitFor();
    assert.equal(new URL(page.url()).pathname, "/shop/");
    await context.close();
  });

  test("says so where there is nothing", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${store.url}/shop/no/such/page`);
    await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await accessible(page);
    await context.close();
  });
});
