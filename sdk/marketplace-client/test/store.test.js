import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { fetchSealed } from "@sealpost/marketplace-loader";
import { CURVES, blobCid, generateMnemonic, generateSecretKey, walletFromMnemonic, walletFromPrivateKey } from "@sealpost/plugin-sdk";

import { MarketplaceClient, fetchEnvelope, publishPlugin, purchase } from "../index.js";
import { adding, manifest } from "./kit/plugin.js";
import { program, startStore } from "./kit/store.js";

/** @typedef {import("@sealpost/plugin-sdk").Curve} Curve */

describe("a real store", { skip: program ? false : "SEALPOST_BIN names no program" }, () => {
  /** @type {Awaited<ReturnType<typeof startStore>>} */ let store;
  /** @type {MarketplaceClient} */ let seller;
  const signer = crypto.getRandomValues(new Uint8Array(32));
  let count = 0;

  before(async () => {
    store = await startStore();
    seller = await store.operator();
  });
  after(() => store?.stop());

  /** @param {Partial<Parameters<MarketplaceClient["publishPlugin"]>[0]>} [what] */
  async function published(what) {
    const pluginId = `org.example.plugin-${++count}`;
    const done = await seller.publishPlugin({ pluginId, version: "1.0.0", wasm: adding(1), manifest, signer, ...what });
    return { pluginId, ...done };
  }
  const keyOn = async (/** @type {Curve} */ curve) => walletFromPrivateKey(await generateSecretKey(curve), curve);
  const person = () => store.person(`person-${++count}`);

  it("takes a release that was sealed and signed here", async () => {
    const { pluginId, release, listing, cid, wasmHash } = await published({ description: "Adds.", devices: 3 });
    const shown = await new MarketplaceClient({ store: store.origin }).listing(pluginId);
    assert.equal(shown.id, listing.id);
    assert.equal(shown.title, "Adding");
    assert.equal(shown.kind, "plugin");
    assert.equal(shown.plugin?.devices, 3);
    assert.deepEqual(shown.releases.map(({ id, version }) => [id, version]), [[release.id, "1.0.0"]]);
    assert.equal(release.cid, cid);
    assert.equal(release.plain_sha256, wasmHash);
    assert.deepEqual(release.manifest, manifest);
    assert.equal(release.publisher_key, shown.plugin?.publisher_key);
  });

  it("refuses a version that is taken, and what is no module", async () => {
    const { pluginId } = await published();
    await assert.rejects(seller.publishPlugin({ pluginId, version: "1.0.0", wasm: adding(2), manifest, signer }), {
      code: "version_taken",
    });
    const none = { pluginId: "org.example.none", version: "1.0.0", wasm: new TextEncoder().encode("(module)") };
    await assert.rejects(seller.publishPlugin(none), { code: "not_wasm" });
    await assert.rejects(seller.listing("org.example.none"), (/** @type {any} */ error) => error.detail.status === 404);
  });

  for (const curve of CURVES) {
    it(`sells to a key on ${curve}, which opens and runs the plugin`, async () => {
      const { pluginId, cid } = await published();
      const [buyer, wallet] = [await person(), await keyOn(curve)];
      const bought = await buyer.purchase({ pluginId, wallet, name: "laptop" });
      assert.equal(bought.cid, cid);
      assert.equal(bought.device?.public_key, wallet.publicKey);
      const plugin = await buyer.open({ licence: String(bought.licence?.id), wallet });
      assert.equal(plugin.call("compute", 41), 42);
      const [licence] = await buyer.licences();
      assert.ok(licence);
      const again = await buyer.open({ licence, wallet, cache: true });
      assert.equal(again.call("compute", 1), 2);
      const envelope = await buyer.fetchEnvelope({ licence, wallet });
      assert.equal(envelope.curve, curve);
    });
  }

  it("sells for a voucher", async () => {
    const { pluginId } = await published({ price: { amount: 500, currency: "EUR" } });
    const [buyer, wallet] = [await person(), await keyOn("p256")];
    await assert.rejects(buyer.purchase({ pluginId, wallet }), (/** @type {any} */ error) => error.detail.status >= 400);
    const { code } = await seller.createVoucher({ listing: pluginId });
    const bought = await buyer.purchase({ pluginId, wallet, voucher: code });
    const plugin = await buyer.open({ licence: String(bought.licence?.id), wallet });
    assert.equal(plugin.call("compute", 1), 2);
  });

  it("sells to a wallet without an account, once for each key", async () => {
    const { pluginId } = await published();
    const visitor = new MarketplaceClient({ store: store.origin });
    const wallet = await keyOn("secp256k1");
    const bought = await visitor.purchaseWithWallet({ pluginId, wallet });
    const again = await purchase({ store: store.origin, pluginId, wallet });
    assert.equal(again.licence, bought.licence);
    const { loadMarketplacePlugin } = await import("@sealpost/marketplace-loader");
    const plugin = await loadMarketplacePlugin(again.bundle, wallet, { publisherKey: bought.publisher });
    assert.equal(plugin.call("compute", 41), 42);
    await assert.rejects(visitor.purchaseWithWallet({ pluginId, wallet, txHash: "0x01" }), { code: "chain_not_configured" });
  });

  it("counts devices, each key once", async () => {
    const { pluginId } = await published({ devices: 2 });
    const [buyer, laptop, phone, tablet] = [await person(), await keyOn("p256"), await keyOn("x25519"), await keyOn("p384")];
    const { licence } = await buyer.purchase({ pluginId, wallet: laptop });
    assert.ok(licence);
    await assert.rejects(buyer.open({ licence, wallet: phone }), { code: "device_unknown" });
    const first = await buyer.addDevice(licence, { wallet: phone, name: "phone" });
    const second = await buyer.addDevice(licence, { wallet: phone });
    assert.equal(first.device.id, second.device.id);
    assert.equal((await buyer.open({ licence, wallet: phone })).call("compute", 1), 2);
    await assert.rejects(buyer.addDevice(licence, { wallet: tablet }), { code: "device_limit" });
  });

  it("notes the wallet's index, and a restored wallet finds its key again", async () => {
    const buyer = await person();
    const words = await generateMnemonic();
    const wallet = await walletFromMnemonic(words);
    assert.equal(await buyer.nextIndex(), 0);
    await buyer.purchase({ pluginId: (await published()).pluginId, wallet });
    assert.equal(await buyer.nextIndex(), 1);
    const { pluginId } = await published();
    const { licence } = await buyer.purchase({ pluginId, wallet: await wallet.key(7, "p256") });
    assert.equal(licence?.devices?.[0]?.index, 7);
    assert.equal(await buyer.nextIndex(), 8);
    const restored = await walletFromMnemonic(words);
    const plugin = await buyer.open({ licence: String(licence?.id), wallet: restored });
    assert.equal(plugin.call("compute", 41), 42);
  });

  it("gives newer versions to those who bought, and versions by name", async () => {
    const { pluginId } = await published();
    const [buyer, wallet] = [await person(), await keyOn("ed25519")];
    const { licence } = await buyer.purchase({ pluginId, wallet });
    assert.ok(licence);
    await seller.publishPlugin({ pluginId, version: "1.1.0", wasm: adding(2), manifest, signer });
    assert.equal((await buyer.open({ licence, wallet })).call("compute", 40), 42);
    assert.equal((await buyer.open({ licence, wallet, version: "1.0.0" })).call("compute", 40), 41);
  });

  it("gives no release that was taken back", async () => {
    const { pluginId, release } = await published();
    const [buyer, wallet] = [await person(), await keyOn("p256")];
    const { licence } = await buyer.purchase({ pluginId, wallet });
    assert.ok(licence);
    assert.equal((await seller.setReleaseState(release.id, "yanked")).state, "yanked");
    await assert.rejects(buyer.open({ licence, wallet }), (/** @type {any} */ error) =>
      ["release_yanked", "no_release"].includes(error.code) && error.detail.status === 410 && error.hint !== "",
    );
    await seller.setReleaseState(release.id, "active");
    assert.equal((await buyer.open({ licence, wallet })).call("compute", 1), 2);
  });

  it("gives nothing under a licence that was taken away", async () => {
    const { pluginId } = await published();
    const [buyer, wallet] = [await person(), await keyOn("p256")];
    const { licence } = await buyer.purchase({ pluginId, wallet });
    assert.ok(licence);
    await seller.revokeLicence(licence);
    await assert.rejects(buyer.open({ licence, wallet }), (/** @type {any} */ error) =>
      error.code === "licence_inactive" && error.detail.status === 403 && error.hint !== "",
    );
  });

  it("shows a licence to its holder alone", async () => {
    const { pluginId } = await published();
    const [buyer, wallet] = [await person(), await keyOn("p256")];
    const { licence } = await buyer.purchase({ pluginId, wallet });
    assert.ok(licence);
    const other = await person();
    await assert.rejects(other.open({ licence, wallet }), (/** @type {any} */ error) => error.detail.status >= 403);
    const nobody = new MarketplaceClient({ store: store.origin });
    await assert.rejects(nobody.open({ licence, wallet }), (/** @type {any} */ error) => error.detail.status === 401);
  });

  it("hands out sealed blobs to anybody, by release and by CID, and a download goes on where it broke", async () => {
    const large = new Uint8Array(700_000);
    for (let at = 0; at < large.length; at += 60_000) crypto.getRandomValues(large.subarray(at, at + 60_000));
    const custom = [0, ...leb(large.length + 2), 1, 0x78];
    const wasm = Uint8Array.from([...adding(1), ...custom, ...large]);
    const { pluginId, release, cid } = await published({ wasm });
    const nobody = new MarketplaceClient({ store: store.origin });
    const blob = await nobody.fetchBlob(release);
    assert.equal(blob.length, release.blob_size);
    assert.equal(await blobCid(blob), cid);
    assert.deepEqual(await fetchSealed({ cid }, { gateways: [store.origin] }), blob);

    const ranges = /** @type {(string | null)[]} */ ([]);
    const breaking = /** @type {typeof fetch} */ (async (url, init) => {
      const { headers } = new Request(url, init);
      ranges.push(headers.get("range"));
      const answer = await fetch(url, init);
      return ranges.length > 1 ? answer : new Response(cut(answer.body, 300_000), answer);
    });
    assert.deepEqual(await nobody.fetchBlob(release, { fetch: breaking, backoff: 0 }), blob);
    assert.equal(ranges.length, 2);
    assert.match(String(ranges[1]), /^bytes=\d+-$/);

    const [buyer, wallet] = [await person(), await keyOn("p256")];
    const { licence } = await buyer.purchase({ pluginId, wallet });
    /** @type {number[]} */
    const told = [];
    const plugin = await buyer.open({ licence: String(licence?.id), wallet, onProgress: ({ received }) => told.push(received) });
    assert.equal(told.at(-1), release.blob_size);
    assert.equal(plugin.call("compute", 1), 2);
  });

  it("serves the functions that stand alone", async () => {
    const login = await seller.login({ email: "operator@example.org", password: "operating, for now" });
    const pluginId = "org.example.alone";
    await publishPlugin({ store: store.origin, token: login.token, pluginId, version: "1.0.0", wasm: adding(1), manifest });
    const [buyer, wallet] = [await person(), await keyOn("p256")];
    const { licence } = await buyer.purchase({ pluginId, wallet });
    assert.ok(licence);
    const account = { email: "alone@example.org", password: "a password for alone" };
    const signed = await new MarketplaceClient({ store: store.origin }).register(account);
    await assert.rejects(fetchEnvelope({ store: store.origin, token: signed.token, licence, wallet }), (/** @type {any} */ error) =>
      error.detail.status >= 403,
    );
    await assert.rejects(buyer.open({ licence, wallet }), { code: "release_unsigned" });
    assert.equal((await buyer.open({ licence, wallet, allowUnsigned: true })).call("compute", 1), 2);
  });

  it("signs out", async () => {
    const buyer = await person();
    assert.equal(buyer.signedIn, true);
    await buyer.logout();
    assert.equal(buyer.signedIn, false);
    await assert.rejects(buyer.licences(), (/** @type {any} */ error) => error.detail.status === 401);
    const { email, password } = { email: "operator@example.org", password: "wrong, this one" };
    await assert.rejects(buyer.login({ email, password }), { code: "wrong_credentials" });
  });
});

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} body
 * @param {number} length
 */
function cut(body, length) {
  let left = length;
  return body?.pipeThrough(
    new TransformStream({
      transform(piece, controller) {
        controller.enqueue(piece.subarray(0, left));
        left -= piece.length;
        if (left <= 0) controller.error(new Error("the connection broke"));
      },
    }),
  );
}

/** @param {number} value */
function leb(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}
