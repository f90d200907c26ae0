import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { generateMnemonic } from "../../sdk/plugin-sdk/index.js";
import { instantiated, launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE } from "./kit/parts.mjs";
import { revoke, sellPlugin, yank } from "./kit/publisher.mjs";
import { buy, chooseKey, failure, open, readFile, registerInShop, signInToShop } from "./kit/shop.mjs";
import { startStore } from "./kit/store.mjs";

const BUNDLE = /\/api\/v1\/licences\/[^/]+\/bundle/;
const BLOB = /\/api\/v1\/releases\/[^/]+\/blob|\/ipfs\//;

describe("what was changed on its way is told in words, and nothing of it is instantiated", () => {
  let store, browser, signed;

  before(async () => {
    store = await startStore();
    browser = await launch();
    signed = await sellPlugin(store, { title: "Signed" });
    await sellPlugin(store, { name: "nameless", title: "Unsigned", pluginId: "org.example.unsigned", signed: false });
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  let people = 0;
  /** Somebody on the page of a licence they bought. */
  async function bought(title, kind = "browser") {
    const opened = await openPage(browser);
    const name = `victim${++people}`;
    await opened.page.goto(`${store.url}/shop/`);
    await registerInShop(opened.page, name);
    return { ...opened, name, ...(await buy(opened.page, title, kind)) };
  }

  /** The page tells this failure and has compiled and instantiated nothing. */
  async function refused({ page, context }, code, calls = []) {
    const told = await failure(page);
    const [sentence, hint] = told.text.split("\n").filter(Boolean);
    assert.equal(told.code, code, told.text);
    assert.ok(/^[A-Z`].{15,}\.$/.test(sentence) && hint.length > 15 && hint !== told.code, told.text);
    assert.deepEqual(await instantiated(page), calls);
    assert.equal(await page.getByLabel("G-code file").count(), 0);
    await picture(page, `refused-${code}`);
    await context.close();
  }

  /** Changes the store's answers before they reach the page. */
  const changed = (page, url, change) =>
    page.route(url, async (route) => {
      const answer = await route.fetch();
      const body = await change(await answer.body());
      await route.fulfill({ response: answer, body, headers: { ...answer.headers(), "content-length": String(body.length) } });
    });
  const changedBundle = (page, change) =>
    changed(page, BUNDLE, (body) => {
      const bundle = JSON.parse(body);
      change(bundle);
      return Buffer.from(JSON.stringify(bundle));
    });
  const flipped = (body, at) => {
    const copy = Buffer.from(body);
    copy[at] ^= 1;
    return copy;
  };

  /** What is changed, by what, and the code it is told by. */
  const changes = {
    "a bit of the sealed file": [(page) => changed(page, BLOB, (body) => flipped(body, 40_000)), "blob_wrong_hash"],
    "a bit of the sealed file, and the hash that names it": [
      async (page) => {
        await changed(page, BLOB, (body) => flipped(body, 40_000));
        await changedBundle(page, (bundle) => delete bundle.blobSha256);
      },
      "blob_corrupt",
    ],
    "the sealed file's end": [
      async (page) => {
        await changed(page, BLOB, (body) => body.subarray(0, 20));
        await changedBundle(page, (bundle) => delete bundle.blobSha256);
      },
      "blob_format",
    ],
    "the wrapped key of the envelope": [
      (page) =>
        changedBundle(page, ({ buyerWrappedKeys: [envelope] }) => {
          envelope.wrappedDEK = flipped(Buffer.from(envelope.wrappedDEK, "base64"), 20).toString("base64");
        }),
      "bundle_not_for_us",
    ],
    "the ephemeral key of the envelope": [
      (page) =>
        changedBundle(page, ({ buyerWrappedKeys: [envelope] }) => {
          envelope.ephemeralPub = `${envelope.ephemeralPub.slice(0, 2)}${"f".repeat(64)}`;
        }),
      "bundle_not_for_us",
    ],
    "the hash of what it opens to": [(page) => changedBundle(page, (bundle) => (bundle.wasmHash = "0".repeat(64))), "release_bad_signature"],
    "the manifest": [(page) => changedBundle(page, ({ manifest }) => manifest.permissions.push("random")), "release_bad_signature"],
    "the signature": [
      (page) =>
        changedBundle(page, (bundle) => {
          bundle.signature = flipped(Buffer.from(bundle.signature, "hex"), 3).toString("hex");
        }),
      "release_bad_signature",
    ],
    "the publisher's key": [
      (page) => changedBundle(page, (bundle) => (bundle.publisher = `d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a`)),
      "release_wrong_publisher",
    ],
    "that it is signed at all": [
      (page) =>
        changedBundle(page, (bundle) => {
          delete bundle.signature;
          delete bundle.publisher;
        }),
      "release_unsigned",
    ],
  };
  for (const [what, [change, code]] of Object.entries(changes)) {
    test(what, async () => {
      const someone = await bought("Signed");
      await change(someone.page);
      await open(someone.page);
      await refused(someone, code);
    });
  }

  test("the hash alone, where nobody signed", async () => {
    const someone = await bought("Unsigned");
    await changedBundle(someone.page, (bundle) => (bundle.wasmHash = "0".repeat(64)));
    await someone.page.getByRole("link", { name: "Open it here" }).click();
    await someone.page.getByRole("checkbox", { name: /although nobody signed it/ }).check();
    await someone.page.getByRole("button", { name: "Open", exact: true }).click();
    // The hash is checked while the module compiles, and nothing runs before both are done.
    await refused(someone, "bundle_wrong_hash", ["compile"]);
  });

  test("an unsigned plugin opens only where its buyer says so", async () => {
    const someone = await bought("Unsigned");
    await open(someone.page);
    await refused(someone, "release_unsigned");
  });

  test("an unsigned plugin opens where its buyer says so", async () => {
    const { page, context } = await bought("Unsigned");
    await page.getByRole("link", { name: "Open it here" }).click();
    await page.getByRole("checkbox", { name: /although nobody signed it/ }).check();
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("Not signed").waitFor();
    await readFile(page, GCODE);
    assert.deepEqual(await instantiated(page), ["compile", "instantiate"], "the count sees what is instantiated");
    await context.close();
  });

  test("another recovery phrase", async () => {
    const { licence, name, context } = await bought("Signed", "phrase");
    await context.close();
    const other = await openPage(browser);
    await other.page.goto(`${store.url}/shop/library/${licence}/run`);
    await signInToShop(other.page, name);
    await chooseKey(other.page, "phrase", { phrase: await generateMnemonic() });
    await other.page.getByRole("button", { name: "Open", exact: true }).click();
    await refused(other, "wallet_not_for_licence");
  });

  test("a recovery phrase with a wrong word", async () => {
    const { licence, name, phrase, context } = await bought("Signed", "phrase");
    await context.close();
    const other = await openPage(browser);
    await other.page.goto(`${store.url}/shop/library/${licence}/run`);
    await signInToShop(other.page, name);
    await chooseKey(other.page, "phrase", { phrase: `${phrase.split(" ").slice(1).join(" ")} sealpost` });
    await other.page.getByRole("button", { name: "Open", exact: true }).click();
    await refused(other, "mnemonic_unknown_word");
  });

  test("an envelope for another wallet", async () => {
    const [first, second] = [await bought("Signed"), await bought("Signed")];
    let envelope;
    await changedBundle(first.page, (bundle) => (envelope = bundle.buyerWrappedKeys[0]));
    await open(first.page);
    await readFile(first.page, GCODE);
    await first.context.close();
    await changedBundle(second.page, (bundle) => (bundle.buyerWrappedKeys = [envelope]));
    await open(second.page);
    await refused(second, "bundle_not_for_us");
  });

  test("somebody else's licence", async () => {
    const { licence, context } = await bought("Signed");
    await context.close();
    const { page, context: other } = await openPage(browser);
    await page.goto(`${store.url}/shop/`);
    await registerInShop(page, "stranger");
    await page.evaluate((path) => history.pushState(null, "", path), `/shop/library/${licence}/run`);
    await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
    await refused({ page, context: other }, "not_found");
  });

  test("a licence that was revoked, before it is opened and while its page is open", async () => {
    const someone = await bought("Signed");
    await someone.page.getByRole("link", { name: "Open it here" }).click();
    await someone.page.getByRole("button", { name: "Open", exact: true }).waitFor();
    await revoke(signed, someone.licence);
    await someone.page.getByRole("button", { name: "Open", exact: true }).click();
    const told = await failure(someone.page);
    assert.equal(told.code, "licence_inactive", told.text);
    await someone.page.getByRole("link", { name: "← Signed" }).click();
    await someone.page.getByText("This licence is revoked.").waitFor();
    await picture(someone.page, "revoked");
    assert.deepEqual(await instantiated(someone.page), []);
    assert.equal(await someone.page.getByRole("link", { name: "Open it here" }).count(), 0);
    await someone.context.close();
  });

  test("a release that was withdrawn", async () => {
    const fleeting = await sellPlugin(store, { name: "fickle", title: "Fleeting", pluginId: "org.example.fleeting" });
    const someone = await bought("Fleeting");
    await yank(fleeting, fleeting.release);
    await open(someone.page);
    await refused(someone, "release_yanked");
    const next = await bought("Signed");
    await next.page.goto(`${store.url}/shop/plugins/org.example.fleeting`);
    await next.page.getByText(/the publisher withdrew it/).waitFor();
    assert.equal(await next.page.getByRole("link", { name: "Get it" }).count(), 0);
    await next.context.close();
  });
});
