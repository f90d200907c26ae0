import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";

import { MarketplaceClient, SealpostError } from "../index.js";
import { storeThatSays } from "./kit/server.js";

const problem = { status: 409, code: "device_limit", title: "No devices left", detail: "All 2 are in use.", hint: "Buy again." };
const bought = { status: 201, body: { purchase: { id: "p" }, licence: null } };

describe("a request", () => {
  it("whose answer was lost is sent again under the same key", async (context) => {
    const { client, heard } = await storeThatSays(context, "hang up", { status: 503, body: problem }, bought);
    await client.purchase({ pluginId: "a" });
    const keys = heard.map(({ headers }) => headers["idempotency-key"]);
    assert.equal(heard.length, 3);
    assert.equal(new Set(keys).size, 1);
    assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
    assert.equal(new Set(heard.map(({ body }) => body)).size, 1);
  });

  it("and another have two keys", async (context) => {
    const { client, heard } = await storeThatSays(context, bought);
    await client.purchase({ pluginId: "a" });
    await client.purchase({ pluginId: "a" });
    assert.notEqual(heard[0]?.headers["idempotency-key"], heard[1]?.headers["idempotency-key"]);
  });

  it("that is refused is sent once", async (context) => {
    for (const status of [400, 401, 404, 409, 410, 422, 500]) {
      const { client, heard } = await storeThatSays(context, { status, body: { ...problem, status } });
      await assert.rejects(client.purchase({ pluginId: "a" }), { code: "device_limit" });
      assert.equal(heard.length, 1, `${status}`);
    }
  });

  it("that is to wait is sent again when the wait is short", async (context) => {
    const soon = { status: 429, body: problem, headers: { "retry-after": "0" } };
    const short = await storeThatSays(context, soon, bought);
    await short.client.purchase({ pluginId: "a" });
    assert.equal(short.heard.length, 2);
    for (const said of /** @type {import("./kit/server.js").Said[]} */ ([
      { ...soon, headers: { "retry-after": "3600" } },
      { ...soon, headers: {} },
      { ...soon, status: 503, headers: { "retry-after": "60" } },
    ])) {
      const long = await storeThatSays(context, said);
      await assert.rejects(long.client.purchase({ pluginId: "a" }), { code: "device_limit" });
      assert.equal(long.heard.length, 1);
    }
  });

  it("for a blob goes to the store's own place", async (context) => {
    const { origin } = await storeThatSays(context, { status: 200, body: { bundle: { blobUrl: "/api/v1/b" }, blobUrl: "/api/v1/b" } });
    const client = new MarketplaceClient({ store: `${origin}/shop` });
    const answer = await client.purchaseWithWallet({ pluginId: "a", recipient: { curve: "p256", public_key: "02" } });
    assert.equal(answer.bundle.blobUrl, `${origin}/shop/api/v1/b`);
  });

  it("that nothing tells apart from its repetition is sent once", async (context) => {
    const { client, heard } = await storeThatSays(context, "hang up");
    await assert.rejects(client.register({ email: "a@example.org", password: "long enough" }), { code: "unreachable" });
    assert.equal(heard.length, 1);
    assert.equal(heard[0]?.headers["idempotency-key"], undefined);
  });

  it("is given up at last", async (context) => {
    const { origin, heard } = await storeThatSays(context, "hang up");
    const client = new MarketplaceClient({ store: origin, retries: 2, backoff: 0 });
    await assert.rejects(client.listings(), { code: "unreachable" });
    assert.equal(heard.length, 3);
  });

  it("can be stopped", async (context) => {
    const { client } = await storeThatSays(context, { status: 200, body: {} });
    const reason = new Error("enough");
    const what = { pluginId: "a", version: "1", wasm: new Uint8Array(8) };
    await assert.rejects(client.publishPlugin(what, { signal: AbortSignal.abort(reason) }), reason);
  });

  it("goes to the address that was meant, whatever an id holds", async (context) => {
    const { origin, heard } = await storeThatSays(context, { status: 200, body: {} });
    const client = new MarketplaceClient({ store: `${origin}/shop` });
    await client.listing("../licences?x=1#y");
    await client.listings({ after: "a&b", limit: 3, more: undefined });
    assert.deepEqual(heard.map(({ path }) => path), [
      "/shop/api/v1/listings/..%2Flicences%3Fx%3D1%23y",
      "/shop/api/v1/listings?after=a%26b&limit=3",
    ]);
  });
});

describe("a failure", () => {
  it("is told as the store tells it", async (context) => {
    const { client } = await storeThatSays(context, { status: 409, body: problem });
    await assert.rejects(client.addDevice("l", { recipient: { curve: "p256", public_key: "02" } }), (error) => {
      assert.ok(error instanceof SealpostError);
      assert.equal(error.code, "device_limit");
      assert.equal(error.message, "All 2 are in use.");
      assert.equal(error.hint, "Buy again.");
      assert.deepEqual(error.detail, { status: 409, title: "No devices left" });
      return true;
    });
  });

  it("of a page that is no store is told as such", async (context) => {
    for (const said of /** @type {import("./kit/server.js").Said[]} */ ([
      { status: 200, body: "<html>", headers: { "content-type": "text/html" } },
      { status: 404, body: "<html>", headers: { "content-type": "text/html" } },
      { status: 404, body: { message: "x" }, headers: { "content-type": "application/json" } },
      { status: 200, body: "null" },
    ])) {
      const { client } = await storeThatSays(context, said);
      await assert.rejects(client.listings(), { code: "not_a_store" });
    }
  });

  it("of who redirects is told, and the token goes nowhere", async (context) => {
    const elsewhere = await storeThatSays(context, { status: 200, body: {} });
    const { client } = await storeThatSays(context, { status: 307, headers: { location: `${elsewhere.origin}/api` } });
    await assert.rejects(client.licences(), { code: "redirected" });
    assert.equal(elsewhere.heard.length, 0);
  });
});

describe("a token", () => {
  it("is sent to the store, and shown to nobody", async (context) => {
    const { client, heard } = await storeThatSays(context, { status: 401, body: { ...problem, code: "token_expired" } });
    const error = await client.licences().catch((error) => error);
    assert.equal(heard[0]?.headers.authorization, "Bearer the-token");
    for (const shown of [inspect(client, { showHidden: true, depth: 9 }), JSON.stringify(client), inspect(error), String(error)]) {
      assert.ok(!shown.includes("the-token"), shown);
    }
  });

  it("is kept from a sign-in until it ends", async (context) => {
    const { origin, heard } = await storeThatSays(context, { status: 200, body: { token: "fresh", user_id: "u" } }, { status: 204 });
    const client = new MarketplaceClient({ store: origin });
    assert.equal(client.signedIn, false);
    await client.login({ username: "ada", password: "secret enough" });
    assert.equal(client.signedIn, true);
    await client.logout();
    assert.equal(client.signedIn, false);
    assert.deepEqual(heard.map(({ headers }) => headers.authorization), [undefined, "Bearer fresh"]);
  });

  it("is forgotten even when the store does not hear of it", async (context) => {
    const { client } = await storeThatSays(context, { status: 500, body: problem });
    await assert.rejects(client.logout());
    assert.equal(client.signedIn, false);
  });
});

describe("an address", () => {
  it("is https, this device, or one that was allowed", () => {
    for (const store of ["https://store.example", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"]) {
      assert.equal(new MarketplaceClient({ store }).store, `${store}/`);
    }
    for (const store of ["http://store.example", "http://192.168.1.2:8080", "http://localhost.example"]) {
      assert.throws(() => new MarketplaceClient({ store }), { code: "store_insecure" });
      assert.equal(new MarketplaceClient({ store, allowHttp: true }).store, `${store}/`);
    }
    for (const store of [undefined, "", "store", "ftp://store.example", "https://a:b@store.example", "https://store.example?x"]) {
      assert.throws(() => new MarketplaceClient({ store }), { code: "store_url" });
    }
  });

  it("is the page's own where none is said", (context) => {
    const value = new URL("http://shop.lan:8080/page?x#y");
    Object.defineProperty(globalThis, "location", { value, configurable: true });
    context.after(() => Reflect.deleteProperty(globalThis, "location"));
    assert.equal(new MarketplaceClient().store, "http://shop.lan:8080/");
    assert.equal(new MarketplaceClient({ store: "/sealpost" }).store, "http://shop.lan:8080/sealpost/");
  });
});

describe("a recipient", () => {
  it("is what a wallet tells of itself", async () => {
    const { recipientOf } = await import("../index.js");
    const { publicKeyOf, walletFromMnemonic } = await import("@sealpost/plugin-sdk");
    const words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    const wallet = await walletFromMnemonic(words, { curve: "p256", index: 3 });
    assert.deepEqual(await recipientOf(wallet, { name: "laptop" }), {
      curve: "p256",
      public_key: wallet.publicKey,
      index: 3,
      name: "laptop",
    });
    const privateKey = new Uint8Array(32).fill(7);
    const document = { privateKey, ecdh: () => new Uint8Array(32) };
    const expected = Buffer.from(await publicKeyOf("secp256k1", privateKey)).toString("hex");
    assert.deepEqual(await recipientOf(document, { index: 0 }), { curve: "secp256k1", public_key: expected, index: 0 });
    const hidden = { privateKey: "handle-7", ecdh: () => new Uint8Array(32) };
    await assert.rejects(recipientOf(hidden), { code: "wallet_no_public_key" });
    const { privateKey: alone } = /** @type {CryptoKeyPair} */ (
      await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"])
    );
    await assert.rejects(recipientOf(alone), { code: "wallet_no_public_key" });
  });
});
