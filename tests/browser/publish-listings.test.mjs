import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { crc32, deflateSync } from "node:zlib";

import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE } from "./kit/parts.mjs";
import { choose, drop, signUp, untilDraft } from "./kit/seller.mjs";
import { failure } from "./kit/shop.mjs";
import { atCommandLine, startStore } from "./kit/store.mjs";

/** A picture of one colour. */
const PNG = png(64, 48);

describe("somebody looks after their listings in the page", () => {
  let store, browser, buyer, other;

  before(async () => {
    store = await startStore();
    browser = await launch();
    buyer = await atCommandLine(store, "buyer");
    other = await atCommandLine(store, "other");
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  /** Somebody with a published listing of a price; on its page. */
  async function seller(name, options) {
    const opened = await openPage(browser, options);
    await signUp(opened, store.url, name);
    const { page } = opened;
    await choose(page, GCODE);
    await page.getByLabel("Title").fill(`Post of ${name}`);
    await page.getByRole("radio", { name: /^Fixed price/ }).check();
    await page.getByLabel("Amount").fill("4,99");
    await page.getByRole("button", { name: "Seal and send" }).click();
    const listing = await untilDraft(page);
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.getByText("Everybody finds it and can buy it.").waitFor();
    return { ...opened, listing };
  }

  const look = (listing) => buyer.ask("GET", `/api/v1/listings/${listing}`);

  test("every term changes, is checked while it is typed, and what was typed survives a refusal", async () => {
    const { page, context, listing } = await seller("editor");
    assert.deepEqual((await look(listing)).price, { amount: "499", currency: "EUR" });
    await page.getByLabel("Title").fill(" ");
    await page.getByLabel("Title").blur();
    await page.getByText("Give it a name that buyers see.").waitFor();
    await page.getByLabel("Title").fill("New \u{1F512} <b>title</b>");
    await page.getByLabel("Currency").fill("JPY");
    await page.getByLabel("Amount").fill("4.99");
    await page.getByLabel("Amount").blur();
    await page.getByText("JPY has no decimals.").waitFor();
    await page.getByLabel("Amount").fill("500");
    await page.getByLabel("Prints", { exact: true }).fill("7");
    await page.getByLabel("Free retries").fill("3");
    await page.getByRole("checkbox", { name: /^Later versions are free/ }).uncheck();
    await page.getByRole("checkbox", { name: /^It ends some time/ }).check();
    await page.getByLabel("Days until it ends").fill("30");
    await page.getByRole("radio", { name: /^Once/ }).check();
    await page.route(`**/api/v1/listings/${listing}`, (route) =>
      route.request().method() === "PATCH" ? route.abort() : route.continue(),
    );
    await page.getByRole("button", { name: "Save" }).click();
    assert.equal((await failure(page)).code, "no_answer");
    await page.unroute(`**/api/v1/listings/${listing}`);
    const asked = [];
    page.on("dialog", (dialog) => (asked.push(dialog.message()), dialog.dismiss()));
    await page.getByRole("link", { name: "Your listings" }).click();
    assert.equal(asked.length, 1, "what is not saved is not lost without a question");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: "<b>title</b>" }).waitFor();
    const { title, price, prints, free_retries, free_updates, valid_days, seal_once } = await look(listing);
    assert.deepEqual(
      { title, price, prints, free_retries, free_updates, valid_days, seal_once },
      {
        title: "New \u{1F512} <b>title</b>",
        price: { amount: "500", currency: "JPY" },
        prints: 7,
        free_retries: 3,
        free_updates: false,
        valid_days: 30,
        seal_once: true,
      },
    );
    await context.close();
  });

  test("a voucher is shown once, works by its link, is counted, and is revoked", async () => {
    const { page, context, listing } = await seller("giver");
    await page.getByRole("button", { name: "Make a voucher" }).click();
    await page.getByLabel("For whom").fill("Ann & \u202Eeve");
    await page.getByLabel("Uses", { exact: true }).fill("2");
    await page.getByRole("button", { name: "Make it" }).click();
    const notice = page.getByRole("status").filter({ hasText: "not shown again" });
    const [code, link] = await notice.locator("code").allInnerTexts();
    assert.equal(link, `${store.url}/shop/listings/${listing}#voucher=${code}`);
    assert.ok(!new URL(link).search, "the code is not in what browsers send");
    const guest = await openPage(browser);
    await signUp(guest, store.url, "guest");
    await guest.page.goto(link);
    await guest.page.getByRole("link", { name: "Get it" }).click();
    await guest.page.getByRole("button", { name: "Buy with the voucher" }).click();
    await guest.page.waitForURL((url) => !url.pathname.endsWith("/buy"));
    assert.ok(!guest.seen.requests.some((request) => request.url().includes(code)), "no address that was asked for holds it");
    await guest.context.close();
    await page.reload();
    const row = page.getByRole("list", { name: "Vouchers" }).getByRole("listitem");
    await row.getByText("1 of 2 left").waitFor();
    assert.ok(!(await page.content()).includes(code));
    assert.ok((await row.innerText()).includes(code.slice(-4)));
    await row.getByRole("button", { name: /^Revoke the voucher/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke it" }).click();
    await row.getByText("Revoked").waitFor();
    await assert.rejects(other.ask("POST", "/api/v1/purchases", { listing, payment: { method: "voucher", code } }), /voucher_disabled/);
    await context.close();
  });

  test("a version is added, withdrawn and put back on sale, and notes change", async () => {
    const { page, context, listing } = await seller("versions");
    await page.getByRole("link", { name: "New version" }).click();
    await choose(page, GCODE);
    const version = page.getByLabel("Version", { exact: true });
    await version.waitFor();
    assert.equal(await version.inputValue(), "1.0.1");
    await version.fill("1");
    await version.blur();
    await page.getByText("This listing has that version already.").waitFor();
    await page.getByRole("button", { name: /^1\.1\.0/ }).click();
    await page.getByRole("button", { name: "Seal and publish" }).click();
    await page.getByRole("button", { name: "Notes on 1.1.0" }).click();
    await page.getByLabel("Notes on 1.1.0").last().fill("Stronger.");
    await page.getByRole("button", { name: "Save notes" }).click();
    await page.getByText("Stronger.").waitFor();
    await page.getByRole("button", { name: "Withdraw 1.1.0" }).click();
    await page.getByRole("dialog").getByText("Nobody loses what they have").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Withdraw it" }).click();
    await page.getByRole("button", { name: "Put 1.1.0 back on sale" }).waitFor();
    const states = async () => (await look(listing)).releases.map(({ version, state, notes }) => [version, state, notes ?? ""]);
    assert.deepEqual(await states(), [["1.1.0", "yanked", "Stronger."], ["1.0.0", "active", ""]]);
    await page.getByRole("button", { name: "Put 1.1.0 back on sale" }).click();
    await page.getByRole("button", { name: "Withdraw 1.1.0" }).waitFor();
    assert.equal((await states())[0][1], "active");
    await context.close();
  });

  test("pictures are added, described, put in order and taken away; the listing leaves the lists and comes back; on a phone", async () => {
    const { page, context, listing, seen } = await seller("painter", { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    await drop(page, [{ name: "<b>.png", content: PNG }]);
    await page.getByLabel("What picture 1 shows").fill("From the front");
    await page.getByLabel("What picture 1 shows").blur();
    await page.getByRole("img", { name: "From the front" }).first().waitFor();
    await drop(page, [{ name: "two.png", content: PNG }]);
    await page.getByRole("button", { name: "Move picture 2 forward" }).click();
    await page.getByText("Picture 2 is now in place 1.").waitFor();
    assert.deepEqual((await look(listing)).pictures.map(({ alt }) => alt), ["", "From the front"]);
    await drop(page, [{ name: "no.svg", content: "<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>" }]);
    assert.match((await failure(page)).code, /^picture_/);
    await page.getByRole("button", { name: "Take picture 1 away" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take it away" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal((await look(listing)).pictures.length, 1);
    const listed = async () => (await buyer.ask("GET", "/api/v1/listings?limit=200")).listings.some(({ id }) => id === listing);
    assert.ok(await listed());
    await page.getByRole("button", { name: "Take it out of the lists" }).click();
    await page.getByText("It is not in the shop's lists").waitFor();
    assert.ok(!(await listed()));
    await page.getByRole("button", { name: "Put it in the lists" }).click();
    await page.getByText("Everybody finds it and can buy it.").waitFor();
    await picture(page, "publish-manage-phone");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.ok(!wide, "nothing is cut off or scrolls sideways");
    await page.goto(`${store.url}/shop/sell/new`);
    await picture(page, "publish-empty-phone");
    assert.deepEqual(seen.errors, []);
    await context.close();
  });
});

function png(width, height) {
  const rows = Buffer.concat(Array.from({ length: height }, () => Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 0xc4)])));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunks = [["IHDR", header], ["IDAT", deflateSync(rows)], ["IEND", Buffer.alloc(0)]].map(([name, data]) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  });
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...chunks]);
}
