import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";

import { blobCid } from "@sealpost/plugin-sdk";

import { BLOB_CACHE, fetchSealed, forgetBlobs, loadMarketplacePlugin } from "../index.js";
import { buyer, sold } from "./kit/selling.js";
import { serve, serving } from "./kit/server.js";

const blob = new Uint8Array(randomBytes(300_000));
const cid = await blobCid(blob);
const blobSha256 = Buffer.from(await crypto.subtle.digest("SHA-256", blob)).toString("hex");
/** @type {import("../index.js").SourceOptions} */
const options = { backoff: 0, retries: 0 };

describe("an address", () => {
  it("is fetched, and its bytes held against the hash", async (context) => {
    const { origin } = await serving(context, (request, response) => serve(request, response, blob));
    for (const name of ["url", "blobUrl"]) {
      assert.deepEqual(await fetchSealed({ [name]: `${origin}/blob`, blobSha256 }, options), blob);
      await assert.rejects(fetchSealed({ [name]: `${origin}/blob`, blobSha256: "00".repeat(32) }, options), {
        code: "blob_wrong_hash",
      });
    }
  });

  it("may be relative to a store", async (context) => {
    const { origin, paths } = await serving(context, (request, response) => serve(request, response, blob));
    await fetchSealed({ blobUrl: "/api/v1/releases/r/blob" }, { ...options, baseUrl: origin });
    assert.deepEqual(paths, ["/api/v1/releases/r/blob"]);
    await assert.rejects(fetchSealed({ blobUrl: "/api/v1/releases/r/blob" }, options), { code: "blob_url" });
  });

  it("may hold the bytes itself", async () => {
    const url = `data:application/octet-stream;base64,${Buffer.from(blob).toString("base64")}`;
    assert.deepEqual(await fetchSealed({ url }, options), blob);
  });

  it("that is none for blobs is refused", async () => {
    for (const url of ["file:///etc/passwd", "javascript:1", "ftp://example.com/x", "://"]) {
      await assert.rejects(fetchSealed({ url }, options), { code: "blob_url" });
    }
  });

  it("is fetched by whatever fetches here", async () => {
    /** @type {unknown[]} */
    const asked = [];
    const fetch = /** @type {typeof globalThis.fetch} */ (async (url) => {
      asked.push(String(url));
      return new Response(blob);
    });
    assert.deepEqual(await fetchSealed({ url: "https://blobs.example/x" }, { ...options, fetch }), blob);
    assert.deepEqual(asked, ["https://blobs.example/x"]);
  });

  it("gives an opened plugin too", async (context) => {
    const { wallet } = await buyer();
    const { bundle, sealed, publisherKey } = await sold(wallet);
    const { origin } = await serving(context, (request, response, count) =>
      serve(request, response, sealed, { etag: '"e"', cutAt: count === 1 ? 100 : undefined }),
    );
    const { encryptedData: _, ...rest } = bundle;
    const plugin = await loadMarketplacePlugin({ ...rest, url: origin }, wallet, { publisherKey, backoff: 0 });
    assert.equal(plugin.call("compute", 2), 4);
  });
});

describe("a CID", () => {
  it("is asked of the gateways, one after the other, whatever they are written like", async (context) => {
    const broken = await serving(context, (_, response) => response.writeHead(404).end());
    const lying = await serving(context, (request, response) => serve(request, response, blob.slice(1)));
    const good = await serving(context, (request, response) => serve(request, response, blob));
    const gateways = [broken.origin, `${lying.origin}/`, `${good.origin}/ipfs/`];
    assert.deepEqual(await fetchSealed({ cid }, { ...options, gateways }), blob);
    for (const { paths } of [broken, lying, good]) assert.deepEqual(paths, [`/ipfs/${cid}`]);
  });

  it("is fetched through gateways when the store's address is gone", async (context) => {
    const gone = await serving(context, (_, response) => response.writeHead(410).end());
    const good = await serving(context, (request, response) => serve(request, response, blob));
    const source = { blobUrl: gone.origin, cid, blobSha256 };
    assert.deepEqual(await fetchSealed(source, { ...options, gateways: [good.origin] }), blob);
    await assert.rejects(fetchSealed(source, options), { code: "blob_refused" });
  });

  it("is checked: other bytes are refused, and the first failure is told", async (context) => {
    const lying = await serving(context, (request, response) => serve(request, response, blob.slice(1)));
    const broken = await serving(context, (_, response) => response.writeHead(404).end());
    await assert.rejects(fetchSealed({ cid }, { ...options, gateways: [lying.origin] }), { code: "blob_wrong_cid" });
    await assert.rejects(fetchSealed({ cid }, { ...options, gateways: [lying.origin, broken.origin] }), { code: "blob_wrong_cid" });
  });

  it("of one raw block is checked by its hash", async (context) => {
    // Made by `ipfs add --cid-version=1 --chunker=size-1048576`, which for 300 000 bytes is one block.
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
    const raw = `b${base32(new Uint8Array([1, 0x55, 0x12, 0x20, ...digest]))}`;
    assert.notEqual(raw, cid);
    const good = await serving(context, (request, response) => serve(request, response, blob));
    assert.deepEqual(await fetchSealed({ cid: raw }, { ...options, gateways: [good.origin] }), blob);
  });

  it("made in a way that cannot be checked is taken when that is said", async (context) => {
    const good = await serving(context, (request, response) => serve(request, response, blob));
    const other = { cid: "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG" };
    const through = { ...options, gateways: [good.origin] };
    await assert.rejects(fetchSealed(other, through), { code: "blob_wrong_cid" });
    assert.deepEqual(await fetchSealed(other, { ...through, allowUnverifiedCid: true }), blob);
  });

  it("without a gateway, or that is none, is refused before anything is asked", async () => {
    await assert.rejects(fetchSealed({ cid }, options), { code: "bundle_no_data" });
    await assert.rejects(fetchSealed({}, options), { code: "bundle_no_data" });
    await assert.rejects(fetchSealed({ cid: "../../admin" }, { ...options, gateways: ["http://127.0.0.1:9"] }), { code: "blob_cid" });
  });
});

describe("Cache Storage", () => {
  it("keeps the sealed blob, and is asked first", async (context) => {
    const kept = cacheStorage(context);
    const { origin, asked } = await serving(context, (request, response) => serve(request, response, blob));
    const source = { url: origin, blobSha256 };
    for (let time = 0; time < 3; time++) assert.deepEqual(await fetchSealed(source, { ...options, cache: true }), blob);
    assert.equal(asked.length, 1);
    assert.deepEqual([...kept.keys()], [BLOB_CACHE]);
    await fetchSealed(source, { ...options, cache: "my-plugins" });
    assert.equal(asked.length, 2);
    await forgetBlobs();
    assert.deepEqual([...kept.keys()], ["my-plugins"]);
  });

  it("with other bytes than it should have is not believed", async (context) => {
    const kept = cacheStorage(context);
    const { origin, asked } = await serving(context, (request, response) => serve(request, response, blob));
    const source = { url: origin, blobSha256 };
    await fetchSealed(source, { ...options, cache: true });
    for (const entries of kept.values()) for (const key of entries.keys()) entries.set(key, new Uint8Array(9));
    assert.deepEqual(await fetchSealed(source, { ...options, cache: true }), blob);
    assert.deepEqual(await fetchSealed(source, { ...options, cache: true }), blob);
    assert.equal(asked.length, 2);
  });

  it("keeps nothing of a blob that is not known by hash or CID, and nothing unless it is wanted", async (context) => {
    const kept = cacheStorage(context);
    const { origin } = await serving(context, (request, response) => serve(request, response, blob));
    await fetchSealed({ url: origin }, { ...options, cache: true });
    await fetchSealed({ url: origin, blobSha256 }, options);
    assert.equal(kept.size, 0);
  });

  it("that fails is as good as none", async (context) => {
    const fails = async () => { throw new Error("quota"); };
    install(context, { open: fails, delete: fails });
    const { origin } = await serving(context, (request, response) => serve(request, response, blob));
    assert.deepEqual(await fetchSealed({ url: origin, blobSha256 }, { ...options, cache: true }), blob);
  });
});

/**
 * @param {import("node:test").TestContext} context
 * @param {unknown} caches
 */
function install(context, caches) {
  Object.defineProperty(globalThis, "caches", { value: caches, configurable: true });
  context.after(() => Reflect.deleteProperty(globalThis, "caches"));
}

/**
 * As much of Cache Storage as is used here.
 *
 * @param {import("node:test").TestContext} context
 */
function cacheStorage(context) {
  /** @type {Map<string, Map<string, Uint8Array<ArrayBuffer>>>} */
  const kept = new Map();
  install(context, {
    async open(/** @type {string} */ name) {
      const entries = kept.get(name) ?? new Map();
      kept.set(name, entries);
      return {
        match: async (/** @type {string} */ key) => (entries.has(key) ? new Response(entries.get(key)) : undefined),
        put: async (/** @type {string} */ key, /** @type {Response} */ answer) =>
          void entries.set(key, new Uint8Array(await answer.arrayBuffer())),
        delete: async (/** @type {string} */ key) => entries.delete(key),
      };
    },
    delete: async (/** @type {string} */ name) => kept.delete(name),
  });
  return kept;
}

/** @param {Uint8Array} bytes */
function base32(bytes) {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.padEnd(Math.ceil(bits.length / 5) * 5, "0").match(/.{5}/g) ?? [];
  return groups.map((group) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(group, 2)]).join("");
}
