import assert from "node:assert/strict";
import { test } from "node:test";

import {
  addBuyers,
  addDomains,
  decryptWithDEK,
  deriveDomainKey,
  encryptForMarketplace,
  encryptWithDualKEK,
  encryptWithKEKWrapper,
  generateDomainSecret,
  generateSecretKey,
  openBundle,
  readBundle,
  sealBundle,
  signBundle,
  unwrapBundle,
  verifyBundle,
  walletFromPrivateKey,
} from "../index.js";
import { fromBase64, toBase64 } from "../src/base64.js";
import { sha256Hex } from "../src/hash.js";
import { refused } from "./support/errors.js";
import { bytes, vectors } from "./support/vectors.js";

const PLUGIN = "com.publisher.my-plugin";
const WASM = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const anyone = { allowUnsigned: true };
const SEED = new Uint8Array(32).fill(3);

test("files sealed elsewhere open, raw and as base64", async () => {
  const cases = vectors("aes-256-gcm.json");
  assert.equal(cases.length, 4);
  for (const { plain, dek, blob } of cases) {
    const raw = /** @type {Uint8Array<ArrayBuffer>} */ (fromBase64(blob));
    const forms = [raw, raw.buffer, blob, ` ${blob}\n`, new TextEncoder().encode(`${blob}\n`)];
    for (const form of forms) assert.equal(toBase64(await decryptWithDEK(form, bytes(dek))), plain);
    raw[raw.length - 1] ^= 1;
    await assert.rejects(decryptWithDEK(raw, bytes(dek)), refused("blob_corrupt"));
    await assert.rejects(decryptWithDEK(raw.slice(0, 27), bytes(dek)), refused("blob_format"));
    await assert.rejects(decryptWithDEK("!", bytes(dek)), refused("blob_format"));
    await assert.rejects(decryptWithDEK(blob, bytes(dek).slice(1)), refused("bad_argument"));
  }
});

test("a file beyond the limit is neither sealed nor opened", async () => {
  const large = new Uint8Array((64 << 20) - 27);
  await assert.rejects(encryptForMarketplace(large), refused("blob_too_large"));
  await assert.rejects(decryptWithDEK(new Uint8Array((64 << 20) + 1), new Uint8Array(32)), refused("blob_too_large"));
});

test("bundles made elsewhere open by every slot", async () => {
  const cases = vectors("bundles.json");
  assert.equal(cases.length, 4);
  let opened = 0;
  for (const { what, bundle: json, plain_sha256, buyers, domains, secret } of cases) {
    for (const form of [json, JSON.stringify(json), new TextEncoder().encode(JSON.stringify(json))]) {
      const bundle = readBundle(form);
      for (const { curve, key } of buyers) {
        const wallet = await walletFromPrivateKey(bytes(key), curve);
        assert.equal(await sha256Hex(await openBundle(bundle, { wallet, ...anyone })), plain_sha256, what);
        opened++;
      }
      for (const domain of domains) {
        const kek = bundle.domainKek ?? { version: 1 };
        const domainKey = await deriveDomainKey(bytes(secret), domain, bundle.pluginId, kek);
        assert.equal(await sha256Hex(await openBundle(bundle, { domainKey, ...anyone })), plain_sha256, what);
        opened++;
      }
    }
  }
  assert.equal(opened, 3 * (4 + 1 + 1 + 3));
});

test("the publisher of bundles made elsewhere is known by the signature", async () => {
  let signed = 0;
  for (const { bundle, publisher } of vectors("bundles.json")) {
    await verifyBundle(bundle, anyone);
    if (publisher === null || publisher === undefined) {
      assert.equal(readBundle(bundle).signature, undefined);
      continue;
    }
    await verifyBundle(bundle, { publisherKey: publisher });
    const other = { ...bundle, pluginId: "com.publisher.other" };
    await assert.rejects(verifyBundle(other, { publisherKey: publisher }), refused("release_bad_signature"));
    signed++;
  }
  assert.equal(signed, 2);
});

test("each slot opens by itself, and every curve finds its own envelope", async () => {
  const curves = /** @type {const} */ (["ed25519", "p256", "p384", "secp256k1", "x25519"]);
  const wallets = await Promise.all(
    [...curves, ...curves].map(async (curve) => walletFromPrivateKey(await generateSecretKey(curve), curve)),
  );
  const secret = generateDomainSecret();
  const bundle = await encryptWithDualKEK(WASM, secret, PLUGIN, ["example.com", "BÜCHER.example"], wallets);
  assert.equal(bundle.wasmHash, await sha256Hex(WASM));
  assert.deepEqual(bundle.domainKek, { version: 2, epoch: 0 });
  const travelled = JSON.parse(JSON.stringify(bundle));
  assert.deepEqual(readBundle(travelled), bundle);
  for (const wallet of wallets) assert.deepEqual(await openBundle(travelled, { wallet, ...anyone }), WASM);
  for (const domain of ["EXAMPLE.com", "xn--bcher-kva.example"]) {
    const domainKey = await deriveDomainKey(secret, domain, PLUGIN);
    assert.deepEqual(await openBundle(travelled, { domainKey, ...anyone }), WASM);
  }
});

test("domains alone, of either version", async () => {
  const secret = "a demo secret of enough length: 32";
  for (const domainKek of /** @type {const} */ ([
    { version: 1 },
    { version: 1, epoch: 9 },
    { version: 2, epoch: "18446744073709551615" },
  ])) {
    const bundle = await encryptWithKEKWrapper(WASM, secret, PLUGIN, ["localhost"], { domainKek, version: "1.0.0" });
    assert.deepEqual(bundle.domainKek, "epoch" in domainKek ? domainKek : undefined);
    const kek = bundle.domainKek ?? { version: 1 };
    const domainKey = await deriveDomainKey(secret, "localhost", PLUGIN, kek);
    assert.deepEqual(await openBundle(bundle, { domainKey, ...anyone }), WASM);
  }
});

test("each reason not to open has its own code", async () => {
  const { bundle, dek, wallet, domainKey } = await dual();
  const by = (/** @type {object} */ change, key = /** @type {object} */ ({ wallet })) =>
    openBundle({ ...bundle, ...change }, { ...key, ...anyone });
  const key = async (/** @type {"x25519" | "p256"} */ curve) => ({
    wallet: await walletFromPrivateKey(await generateSecretKey(curve), curve),
  });
  await assert.rejects(by({}, await key("x25519")), refused("bundle_not_for_us"));
  await assert.rejects(by({}, await key("p256")), refused("bundle_no_envelope"));
  await assert.rejects(by({ buyerWrappedKeys: [] }), refused("bundle_no_envelope"));
  await assert.rejects(by({ domainWrappedKeys: [] }, { domainKey }), refused("bundle_no_domains"));
  await assert.rejects(by({}, { domainKey: new Uint8Array(32) }), refused("domain_not_for_us"));
  await assert.rejects(by({ pluginId: "other" }), refused("bundle_not_for_us"));
  await assert.rejects(by({ wasmHash: "00".repeat(32) }), refused("bundle_wrong_hash"));
  await assert.rejects(by({ wasmHash: "00".repeat(32) }, { domainKey }), refused("bundle_wrong_hash"));
  await assert.rejects(by({ encryptedData: undefined, cid: "bafy" }), refused("bundle_no_data"));
  await assert.rejects(by({ encryptedData: new Uint8Array(40) }), refused("blob_corrupt"));
  await assert.rejects(by({ encryptedData: new Uint8Array(27) }), refused("blob_format"));
  await assert.rejects(openBundle(bundle, { wallet }), refused("bad_argument"));
  await assert.rejects(openBundle(bundle, anyone), refused("bad_argument"));
  const detached = { ...bundle, encryptedData: undefined };
  const encryptedData = fromBase64(/** @type {string} */ (bundle.encryptedData));
  assert.deepEqual(await openBundle(detached, { dek, encryptedData, ...anyone }), WASM);
});

test("a wallet is asked once even if there are many envelopes, and not again when it refuses", async () => {
  const secrets = await Promise.all(Array.from({ length: 9 }, () => generateSecretKey("x25519")));
  const wallets = await Promise.all(secrets.map((secret) => walletFromPrivateKey(secret, "x25519")));
  const { bundle, dek } = await sealBundle(PLUGIN, WASM);
  const sold = await addBuyers(bundle, dek, wallets);
  assert.equal(bundle.buyerWrappedKeys.length, 0);
  let asked = 0;
  const last = { ...wallets[8], ecdh: (/** @type {Uint8Array} */ peer) => (asked++, wallets[8].ecdh(peer)) };
  assert.deepEqual(await unwrapBundle(sold, { wallet: last }), dek);
  assert.equal(asked, 1);
  const pretending = sold.buyerWrappedKeys.map((envelope, at) =>
    at === 0 ? { ...envelope, salt: sold.buyerWrappedKeys[8].salt } : envelope,
  );
  assert.deepEqual(await unwrapBundle({ ...sold, buyerWrappedKeys: pretending }, { wallet: last }), dek);
  assert.equal(asked, 3);
  asked = 0;
  const silent = {
    privateKey: 1,
    curve: /** @type {const} */ ("x25519"),
    ecdh: () => {
      asked++;
      throw new Error("no");
    },
  };
  await assert.rejects(unwrapBundle(sold, { wallet: silent }), refused("envelope_key_holder"));
  assert.equal(asked, 1);
});

test("a bundle is signed as a release", async () => {
  const { bundle, dek, secret } = await dual();
  const publisherKey = "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1";
  await assert.rejects(verifyBundle(bundle, { publisherKey }), refused("release_unsigned"));
  const signed = await signBundle({ ...bundle, version: "1.0.0", manifest: { name: "My Plugin" } }, SEED);
  assert.equal(signed.publisher, publisherKey);
  const buyer = {
    publicKey: (await walletFromPrivateKey(SEED, "p256")).publicKey,
    curve: /** @type {const} */ ("p256"),
  };
  const more = await addDomains(await addBuyers(signed, dek, [buyer]), dek, secret, ["more.example"]);
  await verifyBundle(more, { publisherKey });
  await verifyBundle(more, anyone);
  await assert.rejects(verifyBundle(more, { publisherKey: "00".repeat(32) }), refused("release_wrong_publisher"));
  for (const trust of [{ publisherKey }, anyone]) {
    await assert.rejects(verifyBundle({ ...more, version: "9" }, trust), refused("release_bad_signature"));
    await assert.rejects(verifyBundle({ ...more, wasmHash: undefined }, trust), refused("release_incomplete"));
    await assert.rejects(verifyBundle({ ...more, publisher: undefined }, trust), refused("release_incomplete"));
  }
  await assert.rejects(verifyBundle({ ...more, signature: undefined }, { publisherKey }), refused("release_unsigned"));
});

test("domains of two epochs do not mix, and one bad domain adds none", async () => {
  const { bundle, dek, secret } = await dual();
  const other = { version: /** @type {const} */ (2), epoch: 1 };
  await assert.rejects(addDomains(bundle, dek, secret, ["a.example"], other), refused("bundle_mixed_domains"));
  assert.equal((await addDomains(bundle, dek, secret, ["a.example"], { version: 2 })).domainWrappedKeys.length, 2);
  await assert.rejects(addDomains(bundle, dek, secret, ["a.example", "b.example:80"]), refused("domain_port"));
  assert.equal(bundle.domainWrappedKeys.length, 1);
});

test("what is no bundle is refused with a short reason", () => {
  const bad = [
    "",
    "[]",
    "7",
    "{",
    {},
    [],
    { pluginId: 1 },
    { pluginId: "p", wasmHash: "00" },
    { pluginId: "p", domainWrappedKeys: ["AAAA"] },
    { pluginId: "p", domainKek: { version: 3, epoch: 1 } },
    { pluginId: "p", domainKek: { version: 2 } },
    { pluginId: "p", domainKek: { version: 2, epoch: "01" } },
    { pluginId: "p", manifest: "text" },
    { pluginId: "p", signature: "ff" },
    { pluginId: "p", envelope: { curve: "x".repeat(1000) } },
    { pluginId: "p", encryptedData: 7 },
    { pluginId: "p", buyerWrappedKeys: {} },
    { pluginId: "p", version: 1.5 },
    { pluginId: "p", cid: 1 },
    new Uint8Array([0xff]),
    { pluginId: "p", domainWrappedKeys: Array((1 << 14) + 1).fill("A".repeat(80)) },
  ];
  for (const input of bad) {
    assert.throws(
      () => readBundle(input),
      (error) => {
        assert.ok(error instanceof Error && error.message.length < 260);
        return refused("bundle_malformed")(error);
      },
      JSON.stringify(input).slice(0, 80),
    );
  }
  const odd = readBundle({ pluginId: "p", version: null, manifest: null, cid: null, unknown: { kept: "out" } });
  assert.deepEqual(odd, { pluginId: "p", version: "", manifest: {}, domainWrappedKeys: [], buyerWrappedKeys: [] });
});

async function dual() {
  const secret = generateDomainSecret();
  const wallet = await walletFromPrivateKey(await generateSecretKey("x25519"), "x25519");
  const { bundle, dek } = await sealBundle(PLUGIN, WASM);
  const gated = await addDomains(bundle, dek, secret, ["example.com"]);
  const domainKey = await deriveDomainKey(secret, "example.com", PLUGIN);
  return { bundle: await addBuyers(gated, dek, [wallet]), dek, secret, wallet, domainKey };
}
