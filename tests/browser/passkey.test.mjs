import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE } from "./kit/parts.mjs";
import { sellPlugin, TITLE } from "./kit/publisher.mjs";
import { buy, chooseKey, failure, figures, open, readFile, registerInShop, signInToShop, toBuying } from "./kit/shop.mjs";
import { startStore } from "./kit/store.mjs";

describe("with a passkey", () => {
  let store, browser, shop;

  before(async () => {
    store = await startStore();
    browser = await launch();
    await sellPlugin(store);
    // Passkeys belong to domains: an address in digits has none.
    shop = `${store.url.replace("127.0.0.1", "localhost")}/shop/`;
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  async function authenticator({ context, page }, { hasPrf = true } = {}) {
    const session = await context.newCDPSession(page);
    await session.send("WebAuthn.enable");
    await session.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        ctap2Version: "ctap2_1",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
        hasPrf,
      },
    });
  }

  test("a plugin is bought, and opened again after the page forgot everything", async () => {
    const opened = await openPage(browser);
    const { page, context } = opened;
    await authenticator(opened);
    await page.goto(shop);
    await registerInShop(page, "keyholder");
    const { licence } = await buy(page, TITLE, "passkey");
    assert.match(await page.getByRole("table").innerText(), /Passkey\s+x25519/);
    await open(page);
    await readFile(page, GCODE);

    await page.goto(`${shop}library/${licence}/run`);
    await signInToShop(page, "keyholder");
    await chooseKey(page, "passkey");
    await picture(page, "passkey");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await readFile(page, GCODE);
    assert.equal((await figures(page)).layers, "21");
    await context.close();
  });

  test("that cannot derive keys, the page says so and nothing is bought", async () => {
    const opened = await openPage(browser);
    const { page, context } = opened;
    await authenticator(opened, { hasPrf: false });
    await page.goto(shop);
    await registerInShop(page, "oldkey");
    await toBuying(page, TITLE);
    await chooseKey(page, "passkey");
    await page.getByRole("button", { name: "Get it for free" }).click();
    const { code, text } = await failure(page);
    assert.equal(code, "passkey_no_prf");
    assert.ok(text.split("\n").length >= 3, text);
    await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Library" }).click();
    await page.getByText("Nothing here yet").waitFor();
    await context.close();
  });
});
