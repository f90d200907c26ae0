// Sellers, buyers and printers who write what they should not: it stays text, and pictures stay pictures.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { deflateSync } from "node:zlib";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE } from "./kit/parts.mjs";
import { signInToShop } from "./kit/shop.mjs";
import { ask, atCommandLine, startStore } from "./kit/store.mjs";

/** Each tries something else: an element, an end of one, an entity, another direction, a line without end, letters upon letters. */
const TEXTS = [
  `<img src=x onerror="globalThis.bitten=1">`,
  `</title></script><script>globalThis.bitten=1</script>`,
  `" autofocus onfocus="globalThis.bitten=1`,
  `&lt;b&gt; {@html 1} {{7*7}} \${7*7} javascript:globalThis.bitten=1`,
  `\u202Egpj.live \u2066<svg onload=globalThis.bitten=1>\u2067`,
  "W".repeat(180),
  `Z${"\u0351\u0489\u0316".repeat(50)}algo`,
];
const ALL = TEXTS.join("\n");

describe("what others write", () => {
  let store, browser, seller, buyer;
  const listings = [];

  before(async () => {
    store = await startStore();
    browser = await launch();
    await makeOperator();
    seller = await atCommandLine(store, "seller");
    buyer = await atCommandLine(store, "buyer");
    for (const [number, title] of TEXTS.entries()) {
      const body = { id: `hostile-${number}`, title, description: ALL, prints: 3, seal_once: true };
      const listing = await seller.ask("POST", "/api/v1/listings", body);
      const form = new FormData();
      const release = { listing: listing.id, version: "1.0.0", notes: ALL };
      form.append("release", new Blob([JSON.stringify(release)], { type: "application/json" }));
      form.append("file", new Blob([await readFile(GCODE)]), `"><script>globalThis.bitten=1</script>.gcode`);
      await sent("/api/v1/releases", form);
      listings.push(listing);
    }
    const bought = { listing: listings[0].id, payment: { method: "free" } };
    await buyer.ask("POST", "/api/v1/purchases", bought);
    await seller.ask("POST", "/api/v1/purchases", { ...bought, listing: listings[1].id });
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  async function makeOperator() {
    const link = (await readFile(`${store.folder}/setup-link`, "utf8")).trim();
    const body = { setup_token: link.split("#")[1], email: "operator@example.org", username: "operator", password: "correct horse battery staple" };
    await ask(store, "POST", "/api/v1/setup", { body });
  }

  async function sent(path, body, type) {
    const headers = { authorization: `Bearer ${seller.token}`, ...(type && { "content-type": type }) };
    const answer = await fetch(store.url + path, { method: "POST", headers, body });
    assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`);
    return answer.json();
  }

  async function refused(path, body, type) {
    const headers = { authorization: `Bearer ${seller.token}`, "content-type": type };
    const answer = await fetch(store.url + path, { method: "POST", headers, body });
    return `${answer.status} ${(await answer.json()).code}`;
  }

  for (const [size, options] of Object.entries(SIZES)) {
    for (const [who, pages] of [
      ["buyer", ["", "listings/hostile-0", "listings/hostile-4", "listings/hostile-5", "listings/hostile-1/buy", "library", "library/purchases"]],
      ["seller", ["sell", "sell/listings/hostile-0", "sell/listings/hostile-6", "sales", "sales/orders"]],
      ["operator", ["operate", "operate/listings", "operate/people", "operate/log"]],
    ]) {
      test(`stays text on the pages of a ${who} (${size})`, async () => {
        const { page, seen, context } = await openPage(browser, options);
        page.on("dialog", (dialog) => assert.fail(dialog.message()));
        await page.goto(`${store.url}/shop/sign-in`);
        await signInToShop(page, who);
        for (const each of pages) {
          await page.goto(`${store.url}/shop/${each}`);
          await page.waitForLoadState("networkidle");
          await page.getByRole("heading").first().waitFor();
          assert.equal(await page.getByRole("alert").locator("[data-code]").count(), 0, `${each}: a failure is shown`);
          const bitten = await page.evaluate(() => [globalThis.bitten, document.querySelectorAll("main img[src='x'], main script, main [onfocus], main [onload], main [onerror]").length]);
          assert.deepEqual(bitten, [undefined, 0], each);
          await accessible(page, `${each} of a ${who}`);
        }
        await picture(page, `hostile-${who}-${size}`);
        assert.deepEqual(seen.errors, []);
        const violations = seen.console.filter((message) => /Content Security Policy|Trusted/i.test(message.text()));
        assert.deepEqual(violations.map((message) => message.text()), []);
        const elsewhere = seen.requests.filter((request) => !request.url().startsWith(`${store.url}/`) && !request.url().startsWith("blob:"));
        assert.deepEqual(elsewhere.map((request) => request.url()), []);
        await context.close();
      });
    }
  }

  test("is found by its own words, with the page's words around it in their own direction", async () => {
    const { page, context } = await openPage(browser, SIZES.phone);
    await page.goto(`${store.url}/shop/listings/hostile-4`);
    const heading = page.getByRole("heading", { level: 1 });
    await heading.waitFor();
    assert.equal((await heading.textContent()).trim(), TEXTS[4]);
    assert.equal(await heading.evaluate((each) => Boolean(each.closest("bdi, [dir=auto]") ?? each.querySelector("bdi, [dir=auto]"))), true);
    await context.close();
  });

  describe("as a picture", () => {
    const to = "/api/v1/listings/hostile-0/pictures?alt=View";

    test("is no SVG, no page and no bomb", async () => {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="globalThis.bitten=1"><script>globalThis.bitten=1</script></svg>`;
      assert.match(await refused(to, svg, "image/svg+xml"), /^422 picture_format$/);
      assert.match(await refused(to, svg, "image/png"), /^422 picture_format$/);
      assert.match(await refused(to, "GIF89a<script>globalThis.bitten=1</script>", "image/gif"), /^422 picture_format$/);
      assert.match(await refused(to, png(60_000, 60_000, Buffer.alloc(64)), "image/png"), /^422 picture_(too_large|broken)$/);
      assert.match(await refused(to, png(64, 64, Buffer.alloc(64)), "image/png"), /^422 picture_(broken|too_small)$/);
      assert.match(await refused(to, Buffer.alloc(13 << 20, 0x89), "image/png"), /^413 picture_file_too_large$/);
    });

    test("leaves nothing behind but what can be seen", async () => {
      const scene = png(200, 200, Buffer.alloc(200 * (1 + 200 * 3)));
      const trailer = Buffer.from("<script>globalThis.bitten=1</script>PK\u0003\u0004canary-5309");
      const added = await sent(to, Buffer.concat([scene, trailer]), "image/png");
      for (const address of [`/api/v1/pictures/${added.id}`, `/api/v1/pictures/${added.id}/small`]) {
        const answer = await fetch(store.url + address);
        assert.equal(answer.headers.get("content-type"), "image/jpeg");
        assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
        assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
        const bytes = Buffer.from(await answer.arrayBuffer());
        assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xd8]);
        assert.ok(!bytes.includes("canary-5309") && !bytes.includes("<script"), "what was behind the picture is gone");
      }
    });
  });
});

/** A PNG of this size, whose rows are whatever is given. */
function png(width, height, rows) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc(body), body.length + 4);
  return whole;
}

/** CRC-32 as PNG has it (ISO 3309). */
function crc(bytes) {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}
