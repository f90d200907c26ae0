import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { HDKey } from "../../sdk/node_modules/@scure/bip32/index.js";
import { mnemonicToSeed } from "../../sdk/node_modules/@scure/bip39/index.js";
import { generateMnemonic, unwrapMarketplaceDEK, walletFromMnemonic } from "../../sdk/plugin-sdk/index.js";
import { launch, openPage } from "./kit/chromium.mjs";
import { GCODE, PLUGIN_ID } from "./kit/parts.mjs";
import { sellPlugin, TITLE } from "./kit/publisher.mjs";
import { forms, formsOfWords, gather, handedOut, heap, places, watchBytes } from "./kit/secrets.mjs";
import { buy, isSignedIn, open, readFile, registerInShop } from "./kit/shop.mjs";
import { signIn, startStore } from "./kit/store.mjs";

describe("what opens a plugin stays with its buyer", () => {
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

  /** Somebody who bought in the page and ran what they bought. */
  async function buyer(name, kind) {
    const opened = await openPage(browser);
    await watchBytes(opened.context);
    await opened.page.goto(`${store.url}/shop/`);
    await registerInShop(opened.page, name);
    const bought = await buy(opened.page, TITLE, kind);
    await open(opened.page);
    await readFile(opened.page, GCODE);
    return { ...opened, ...bought, person: await signIn(store, name) };
  }

  /** The content key of what a licence opens, by the device of these words. */
  async function contentKey({ person, licence }, words, device) {
    const bundle = await person.ask("GET", `/api/v1/licences/${licence}/bundle?device=${device}`);
    const wallet = await walletFromMnemonic(words);
    return unwrapMarketplaceDEK(bundle.buyerWrappedKeys[0], wallet, PLUGIN_ID);
  }

  test("with a recovery phrase: no word, private key or content key is sent, stored or left on a global", async () => {
    const someone = await buyer("wordy", "phrase");
    const { devices } = await someone.person.ask("GET", `/api/v1/licences/${someone.licence}`);
    assert.equal(devices[0].index, 0);
    const privateKey = HDKey.fromMasterSeed(await mnemonicToSeed(someone.phrase)).derive("m/44'/9999'/0'/0/0").privateKey;
    const dek = await contentKey(someone, someone.phrase, devices[0].id);
    const secrets = { words: formsOfWords(someone.phrase), privateKey: forms(privateKey), dek: forms(dek) };

    const corpus = await gather(someone);
    assert.ok(corpus.filter(({ place }) => place === "request").length > 10);
    assert.deepEqual(places(corpus, [devices[0].public_key]).includes("request"), true, "the search sees what is sent");
    for (const [what, wanted] of Object.entries(secrets)) assert.deepEqual(places(corpus, wanted), [], what);

    assert.deepEqual(places(await heap(someone), secrets.dek), []);
    assert.deepEqual(await handedOut(someone.page, sha256(dek)), ["00".repeat(32)], "the content key was wiped");

    await plant(someone.page, { words: someone.phrase, key: [...privateKey] });
    const planted = await gather(someone);
    const everywhere = ["Cache", "IndexedDB", "console", "cookies", "globals", "localStorage", "request", "sessionStorage"];
    assert.deepEqual([...new Set(places(planted, secrets.words))].sort(), everywhere);
    assert.deepEqual([...new Set(places(planted, secrets.privateKey))].sort(), everywhere);
    await someone.context.close();
  });

  test("with a key that the browser keeps: it cannot be exported, and the content key is nowhere in the heap", async () => {
    const someone = await buyer("kept", "browser");
    const words = await generateMnemonic();
    const { publicKey: public_key, curve } = await walletFromMnemonic(words);
    const { device } = await someone.person.ask("POST", `/api/v1/licences/${someone.licence}/devices`, { curve, public_key });
    const dek = await contentKey(someone, words, device.id);

    assert.deepEqual(places(await gather(someone), forms(dek)), []);
    assert.deepEqual(places(await heap(someone), forms(dek)), []);
    assert.deepEqual(await someone.page.evaluate(exportKeptKeys), ["private, not extractable: InvalidAccessError"]);

    assert.deepEqual(await handedOut(someone.page, sha256(dek)), ["00".repeat(32)], "the content key was wiped");

    await someone.page.evaluate((bytes) => {
      const text = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
      document.addEventListener("never", () => console.log(text));
    }, [...dek]);
    assert.deepEqual(places(await gather(someone), forms(dek)), [], "a closure is out of reach of globals");
    assert.notDeepEqual(places(await heap(someone), forms(dek)), [], "and not of a look at the heap");
    await someone.context.close();
  });

  test("the file that is read by a plugin is not sent", async () => {
    const someone = await buyer("reader", "browser");
    for (const request of someone.seen.requests) {
      assert.ok((request.postDataBuffer()?.length ?? 0) < 2000, request.url());
      assert.ok(request.url().startsWith(store.url), request.url());
    }
    await someone.context.close();
  });

  test("what keeps somebody signed in is a cookie that no script reads, and nothing else", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${store.url}/shop/`);
    await registerInShop(page, "brief");
    await page.reload();
    await isSignedIn(page, "brief").waitFor();
    const cookies = await context.cookies();
    assert.equal(cookies.length, 1);
    assert.ok(cookies.every(({ httpOnly }) => httpOnly), "no script sees it");
    assert.equal(await page.evaluate(() => document.cookie), "");
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 0]);
    await context.close();
  });
});

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Puts secrets wherever they must not be: the search has to find them in every place. */
function plant(page, secrets) {
  return page.evaluate(async ({ words, key }) => {
    const base64 = btoa(String.fromCharCode(0, ...key));
    localStorage.planted = `${words} ${base64}`;
    sessionStorage.planted = `${words} ${key}`;
    document.cookie = `planted=${words}|${base64}; path=/`;
    globalThis.planted = { deep: [{ words, key: Uint8Array.from(key) }] };
    console.log(words, key.map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    await fetch("/health", { headers: { planted: words }, method: "POST", body: Uint8Array.from(key) });
    await (await caches.open("planted")).put("/planted", new Response(`${words} ${base64}`));
    const database = await new Promise((resolve) => {
      const request = indexedDB.open("planted", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("rows", { autoIncrement: true });
      request.onsuccess = () => resolve(request.result);
    });
    const writing = database.transaction("rows", "readwrite");
    writing.objectStore("rows").add({ words, key: Uint8Array.from(key) });
    await new Promise((resolve) => (writing.oncomplete = resolve));
    database.close();
  }, secrets);
}

/** Runs in the page: what the browser says when the kept keys are asked for. */
async function exportKeptKeys() {
  const database = await new Promise((resolve) => {
    indexedDB.open("sealpost-keys").onsuccess = (event) => resolve(event.target.result);
  });
  const rows = await new Promise((resolve) => {
    database.transaction("keys").objectStore("keys").getAll().onsuccess = (event) => resolve(event.target.result);
  });
  const said = [];
  for (const { privateKey } of rows) {
    const answer = await crypto.subtle.exportKey("pkcs8", privateKey).catch((error) => error.name);
    said.push(`${privateKey.type}, ${privateKey.extractable ? "" : "not "}extractable: ${answer}`);
  }
  return said;
}
