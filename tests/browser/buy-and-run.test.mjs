import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { instantiated, launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE, PLUGIN_ID } from "./kit/parts.mjs";
import { publish, sellPlugin, TITLE, voucher } from "./kit/publisher.mjs";
import { buy, chooseKey, failure, figures, open, readFile, registerInShop, signInToShop, toBuying, typeVoucher } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";

describe("a plugin is bought and run in the page", () => {
  let store, browser, seller;

  before(async () => {
    store = await startStore();
    browser = await launch();
    seller = await sellPlugin(store);
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  async function newcomer(name, options) {
    const opened = await openPage(browser, options);
    await opened.page.goto(`${store.url}/shop/`);
    await registerInShop(opened.page, name);
    return opened;
  }

  test("by somebody else than its publisher, and shows what the native host gives", async () => {
    const { page, seen, context } = await openPage(browser);
    await page.goto(`${store.url}/`);
    // The store's address leads to its shop.
    await page.getByRole("link", { name: TITLE }).waitFor();
    await picture(page, "catalogue");
    await page.getByRole("link", { name: TITLE }).click();
    await page.getByRole("link", { name: "Get it" }).waitFor();
    await picture(page, "listing");
    await registerInShop(page, "buyer");
    await toBuying(page, TITLE);
    await picture(page, "buy");
    await buy(page, TITLE, "browser");
    await picture(page, "licence");
    assert.deepEqual(await instantiated(page), []);
    await open(page);
    await page.getByText(/^Signed by/).waitFor();
    await readFile(page, GCODE);
    await picture(page, "run");

    const { stats, preview } = await natively(store);
    const shown = await figures(page);
    assert.deepEqual(shown, {
      layers: String(stats.layers.count),
      time: `${Math.round((stats.time.stated_s ?? stats.time.estimated_s) / 60)} min`,
      filament: `${+(stats.filament_mm / 1000).toFixed(2)} m`,
      weight: `${+(stats.filament_g ?? stats.filament_stated_g).toFixed(1)} g`,
      size: `${stats.bounds.size.map((side) => +side.toFixed(1)).join(" × ")} mm`,
      height: `${stats.layers.height_mm} mm`,
      moves: (stats.moves.print + stats.moves.travel).toLocaleString("en"),
      nozzle: `${stats.temperatures.nozzle_c} °C`,
      bed: `${stats.temperatures.bed_c} °C`,
    });
    const alpha = await page.locator("canvas").evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return [data.length, data.filter((_, at) => at % 4 === 3 && data[at] > 0).length];
    });
    assert.deepEqual(alpha, [preview.length, preview.filter((_, at) => at % 4 === 3 && preview[at] > 0).length]);
    assert.ok(alpha[1] > 10_000, "there is a picture");
    assert.deepEqual(seen.errors, []);
    const complaints = seen.console.filter((message) => message.location().url.includes("/shop"));
    assert.deepEqual(complaints.map((message) => message.text()), [], "the page breaks no rule of its policy");
    await context.close();
  });

  test("for a voucher, with a new recovery phrase, and opened with it in another browser", async () => {
    const paid = await sellPlugin(store, { name: "merchant", price: "4.99", title: "Insight Pro", pluginId: "org.example.pro" });
    const first = await newcomer("payer");
    await toBuying(first.page, "Insight Pro");
    const phrase = await chooseKey(first.page, "phrase");
    await typeVoucher(first.page, "NOT-A-VOUCHER");
    await picture(first.page, "phrase");
    await first.page.getByRole("button", { name: "Buy with the voucher" }).click();
    assert.match((await failure(first.page)).code, /^voucher/);
    await picture(first.page, "voucher-refused");
    const { licence } = await buy(first.page, "Insight Pro", "phrase", { voucher: await voucher(paid) });
    assert.equal(phrase.split(" ").length, 12);
    await first.context.close();

    const second = await openPage(browser);
    await second.page.goto(`${store.url}/shop/library/${licence}/run`);
    await signInToShop(second.page, "payer");
    await chooseKey(second.page, "phrase", { phrase });
    await picture(second.page, "unlock");
    await second.page.getByRole("button", { name: "Open", exact: true }).click();
    await readFile(second.page, GCODE);
    assert.equal((await figures(second.page)).layers, "21");
    await second.context.close();
  });

  test("on further devices until the licence has no more, and the same key again takes no place", async () => {
    const { page, context } = await newcomer("collector");
    await buy(page, TITLE, "phrase");
    const add = async (kind, count) => {
      await page.getByRole("button", { name: "Add a device" }).click();
      await chooseKey(page, kind);
      await page.getByRole("button", { name: "Add it" }).click();
      await page.getByRole("heading", { name: `Devices: ${count} of 3` }).waitFor();
    };
    await add("browser", 2);
    await add("browser", 2);
    await add("phrase", 3);
    await page.getByText("All its devices are in use.").waitFor();
    await picture(page, "devices");
    await context.close();
  });

  test("and a newer version comes by itself", async () => {
    const { page, context } = await newcomer("loyal");
    await buy(page, TITLE, "browser");
    await publish(seller, "1.1.0");
    await open(page);
    await page.getByText("Version 1.1.0").waitFor();
    await readFile(page, GCODE);
    await context.close();
  });

  test("its functions can be called by hand, and a failure of the plugin is told in its own words", async () => {
    const { page, context } = await newcomer("tinkerer");
    await buy(page, TITLE, "browser");
    await open(page);
    await page.getByText("Call a function").click();
    const stats = page.getByRole("form", { name: "stats" });
    await stats.getByLabel("1. bytes").setInputFiles(GCODE);
    await stats.getByRole("button", { name: "Call" }).click();
    assert.equal(JSON.parse(await stats.locator("pre").innerText()).layers.count, 21);
    await picture(page, "by-hand");
    const preview = page.getByRole("form", { name: "preview" });
    await preview.getByLabel("1. bytes").setInputFiles(GCODE);
    await preview.getByLabel("2. i32").fill("100000");
    await preview.getByLabel("3. i32").fill("100000");
    await preview.getByRole("button", { name: "Call" }).click();
    const { code, text } = await failure(page);
    assert.equal(code, "plugin_failed");
    assert.match(text, /4096/);
    await context.close();
  });

  test("on a phone, in the dark, by the keyboard: nothing is cut off, and everything has a name", async () => {
    const { page, context } = await newcomer("walker", { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    await toBuying(page, TITLE);
    await picture(page, "phone-buy");
    await buy(page, TITLE, "browser");
    await page.getByRole("link", { name: "Open it here" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Open", exact: true }).focus();
    await page.keyboard.press("Enter");
    await readFile(page, GCODE);
    await picture(page, "phone-run");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("input, button, a, textarea, canvas")]
        .filter((each) => !(each.labels?.length || each.textContent.trim() || each.getAttribute("aria-label")))
        .map((each) => each.outerHTML),
    );
    assert.deepEqual(nameless, []);
    await context.close();
  });
});

/** What the plugin says outside of browsers, bought by somebody else at the command line. */
async function natively(store) {
  const person = await atCommandLine(store, "native");
  const file = (name) => path.join(store.folder, name);
  const words = ["--mnemonic-file", file("words")];
  await person.sealpost(["wallet", "new", ...words]);
  const bought = JSON.parse(await person.sealpost(["buy", PLUGIN_ID, ...words, "--json"]));
  await person.sealpost(["fetch", PLUGIN_ID, "--out", file("bundle.json")]);
  const run = ["run", file("bundle.json"), ...words, "--publisher", bought.licence.publisher_key, "--time", "10m", "--json", "--call"];
  const stats = JSON.parse(await person.sealpost([...run, "stats", `@${GCODE}`])).result;
  const preview = JSON.parse(await person.sealpost([...run, "preview", `@${GCODE}`, "1200", "900"])).result;
  return { stats, preview: Buffer.from(preview, "base64") };
}
