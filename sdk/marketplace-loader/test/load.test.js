import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { CURVES, encryptForMarketplace, generateMnemonic, walletFromMnemonic, walletFromPrivateKey, wrapDEKForBuyer } from "@sealpost/plugin-sdk";
import { secp256k1 } from "@noble/curves/secp256k1.js";

import { decryptPayload, getPluginKeyPath, loadMarketplacePlugin, unwrapDEK, verifyPluginHash } from "../index.js";
import { assemble, everyType } from "./kit/modules.js";
import { buyer, domain, pluginId, sold } from "./kit/selling.js";

describe("the document's example", () => {
  const wasm = assemble(`(module (memory (export "memory") 1)
    (func (export "compute") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))`);

  it("runs", async () => {
    const { privateKey } = await buyer();
    const publicKey = Buffer.from(secp256k1.getPublicKey(privateKey)).toString("hex");
    const { encryptedData, dek } = await encryptForMarketplace(wasm);
    const envelope = await wrapDEKForBuyer(dek, publicKey, "secp256k1", pluginId);
    /** @type {unknown[][]} */
    const asked = [];
    const wallet = {
      privateKey,
      ecdh: (/** @type {Uint8Array} */ priv, /** @type {Uint8Array} */ pub, /** @type {string} */ curve) => {
        asked.push([priv, curve]);
        return secp256k1.getSharedSecret(priv, pub).slice(1);
      },
    };
    const plugin = await loadMarketplacePlugin(
      { pluginId, encryptedData, envelope, manifest: { name: "My Plugin", version: "1.0.0", type: "Shader" } },
      wallet,
      { allowUnsigned: true, allowMissingHash: true },
    );
    assert.equal(plugin.call("compute", 41), 42);
    assert.deepEqual(plugin.manifest, { name: "My Plugin", version: "1.0.0", type: "Shader" });
    assert.deepEqual(Object.keys(plugin.exports), ["memory", "compute"]);
    assert.deepEqual(asked, [[privateKey, "secp256k1"]]);
    plugin.dispose();
    assert.throws(() => plugin.call("compute", 1), { code: "plugin_disposed" });
  });

  it("says what has to be allowed", async () => {
    const { wallet } = await buyer();
    const { encryptedData, dek } = await encryptForMarketplace(wasm);
    const envelope = await wrapDEKForBuyer(dek, String(wallet.publicKey), "secp256k1", pluginId);
    const bundle = { pluginId, encryptedData, envelope, manifest: {} };
    await assert.rejects(loadMarketplacePlugin(bundle, wallet), { code: "release_unsigned" });
    await assert.rejects(loadMarketplacePlugin(bundle, wallet, { allowUnsigned: true }), { code: "bundle_no_hash" });
  });

  it("has its functions one by one", async () => {
    const { wallet } = await buyer();
    const { encryptedData, dek } = await encryptForMarketplace(wasm);
    const envelope = await wrapDEKForBuyer(dek, String(wallet.publicKey), "secp256k1", pluginId);
    const unwrapped = await unwrapDEK(envelope, wallet, pluginId);
    assert.deepEqual(unwrapped, dek);
    const opened = await decryptPayload(encryptedData, unwrapped);
    assert.deepEqual(opened, wasm);
    assert.deepEqual(unwrapped, dek, "the caller's key stays");
    const hash = Buffer.from(await crypto.subtle.digest("SHA-256", wasm)).toString("hex");
    assert.equal(await verifyPluginHash(opened, hash.toUpperCase()), true);
    assert.equal(await verifyPluginHash(opened.subarray(1), hash), false);
    assert.equal(getPluginKeyPath(3), "m/44'/9999'/0'/0/3");
    for (const index of [-1, 1.5, 2 ** 31]) assert.throws(() => getPluginKeyPath(index), { code: "wallet_index" });
  });
});

describe("a signed bundle opens", () => {
  for (const curve of CURVES) {
    it(`with a wallet on ${curve}`, async () => {
      const { wallet, privateKey } = await buyer(curve);
      const { bundle, publisherKey } = await sold(wallet);
      const plugin = await loadMarketplacePlugin(bundle, wallet, { publisherKey });
      assert.equal(plugin.call("text", "ja"), "ja");
      const { ecdh } = await walletFromPrivateKey(privateKey, curve);
      const document = { privateKey, ecdh: (/** @type {unknown} */ _, /** @type {Uint8Array} */ peer) => ecdh(peer) };
      await loadMarketplacePlugin(JSON.stringify(bundle), document, { publisherKey });
    });
  }

  it("with a CryptoKey that nobody can take out, or a pair", async () => {
    const pair = /** @type {CryptoKeyPair} */ (
      await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"])
    );
    const publicKey = Buffer.from(await crypto.subtle.exportKey("raw", pair.publicKey)).toString("hex");
    const { bundle, publisherKey } = await sold(/** @type {any} */ ({ curve: "p256", publicKey }));
    for (const wallet of [pair.privateKey, pair]) {
      const plugin = await loadMarketplacePlugin(bundle, wallet, { publisherKey });
      assert.equal(plugin.call("compute", 2), 4);
    }
  });

  it("with a wallet of words, whichever index it was bought with", async () => {
    const wallet = await walletFromMnemonic(await generateMnemonic());
    const { bundle, publisherKey } = await sold(await wallet.key(5, "p256"));
    const plugin = await loadMarketplacePlugin(bundle, wallet, { publisherKey });
    assert.equal(plugin.call("compute", 2), 4);
    const stranger = await walletFromMnemonic(await generateMnemonic());
    await assert.rejects(loadMarketplacePlugin(bundle, stranger, { publisherKey }), { code: "bundle_no_envelope" });
  });

  it("with the key of a domain, wallet or not", async () => {
    const { wallet } = await buyer();
    const stranger = await buyer();
    const { bundle, publisherKey, domainKey } = await sold(wallet);
    const hex = Buffer.from(domainKey).toString("hex");
    for (const [who, key] of /** @type {const} */ ([[null, domainKey], [undefined, hex], [stranger.wallet, domainKey], [wallet, new Uint8Array(32)]])) {
      const plugin = await loadMarketplacePlugin(bundle, who, { publisherKey, domainKey: key, domain });
      assert.equal(plugin.call("compute", 2), 4);
    }
    assert.ok(domainKey.some((byte) => byte !== 0), "the caller's key stays");
  });

  it("with data as bytes, as base64, as a Blob, as the base64 bytes of it, and under the demo's name", async () => {
    const { wallet } = await buyer();
    const { bundle, publisherKey, sealed } = await sold(wallet);
    const { encryptedData, ...rest } = bundle;
    const text = /** @type {string} */ (encryptedData);
    for (const data of [sealed, sealed.buffer, ` ${text.slice(0, 60)}\n${text.slice(60)}\n`, new Blob([sealed]), new TextEncoder().encode(text)]) {
      const plugin = await loadMarketplacePlugin({ ...rest, encryptedData: data }, wallet, { publisherKey });
      assert.equal(plugin.call("compute", 2), 4);
    }
    await loadMarketplacePlugin({ ...rest, encryptedPayload: text }, wallet, { publisherKey });
  });
});

describe("an opened plugin", () => {
  it("is held against its hash as it was sealed, though its memory is limited in place", async () => {
    const { wallet } = await buyer();
    const tools = Uint8Array.from([...everyType, 0, 42, 1, 0x78, ...new Uint8Array(40)]);
    const { bundle, publisherKey } = await sold(wallet, { wasm: tools });
    const plugin = await loadMarketplacePlugin(bundle, wallet, { publisherKey, maxPages: 3 });
    assert.equal(plugin.call("text", "ja"), "ja");
    assert.throws(() => plugin.call("echo", new Uint8Array(300_000)), { code: "plugin_out_of_memory" });
  });

  it("has a manifest that nobody changes", async () => {
    const { wallet } = await buyer();
    const { bundle, publisherKey } = await sold(wallet);
    const plugin = await loadMarketplacePlugin(bundle, wallet, { publisherKey });
    assert.throws(() => Object.assign(/** @type {any} */ (plugin.manifest).functions.compute, { result: "json" }), TypeError);
    bundle.manifest.name = "another";
    assert.equal(plugin.manifest.name, "Every type");
  });

  it("works with its methods taken apart", async () => {
    const { wallet } = await buyer();
    const { bundle, publisherKey } = await sold(wallet);
    const { call, restart, dispose } = await loadMarketplacePlugin(bundle, wallet, { publisherKey });
    assert.throws(() => call("trap"), { code: "plugin_trap" });
    await restart();
    assert.equal(call("compute", 2), 4);
    dispose();
    await assert.rejects(restart(), { code: "plugin_disposed" });
  });

  it("shows neither plaintext nor module", async () => {
    const { wallet } = await buyer();
    const { bundle, publisherKey } = await sold(wallet);
    const plugin = await loadMarketplacePlugin(bundle, wallet, { publisherKey });
    assert.deepEqual(Reflect.ownKeys(plugin).sort(), ["call", "dispose", "exports", "manifest", "restart"]);
    assert.ok(everyType.length > 0);
  });
});
