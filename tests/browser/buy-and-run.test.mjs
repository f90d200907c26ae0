import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE } from "./kit/parts.mjs";
import { sellPlugin, TITLE } from "./kit/publisher.mjs";
import { buy, figures, open, readFile, registerInShop, toBuying } from "./kit/shop.mjs";
import { startStore } from "./kit/store.mjs";

describe("a plugin is bought and run in the page", () => {
  let store, browser;

  before(async () => {
    store = await startStore();
    browser = await launch();
    await sellPlugin(store);
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  test("by somebody else than its publisher, with a key that this browser keeps", async () => {
    const { page, seen } = await openPage(browser);
    await page.goto(`${store.url}/`);
    await page.getByRole("link", { name: "The shop" }).click();
    await page.getByRole("link", { name: TITLE }).waitFor();
    await picture(page, "catalogue");
    await registerInShop(page, "buyer");
    await toBuying(page, TITLE);
    await picture(page, "buy");
    await buy(page, TITLE, "browser");
    await picture(page, "licence");
    await open(page);
    await readFile(page, GCODE);
    await picture(page, "run");
    console.log(await figures(page));
    assert.deepEqual(seen.errors, []);
  });
});
