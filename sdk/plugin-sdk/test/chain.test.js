import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

import {
  buyerKeyFromChain,
  buyerKeyOnChain,
  itemId,
  keccak256,
  proveKey,
  toHex,
  unwrapMarketplaceDEK,
  walletFromPrivateKey,
  walletFromSignature,
  wrapMarketplaceDEK,
} from "../index.js";
import { refused } from "./support/errors.js";
import { examples } from "./support/readme.js";
import { bytes, vectors } from "./support/vectors.js";

const { items, buyer_keys, key_proofs, signature_wallets } = vectors("chain.json");

test("items and buyers are called on chain what others call them", async () => {
  assert.equal(items.length, 5);
  for (const { text, item } of items) assert.equal(await itemId(text), item);
  assert.equal(buyer_keys.length, 5);
  for (const { curve, public_key, on_chain, key_hash } of buyer_keys) {
    assert.equal(await buyerKeyOnChain({ curve, publicKey: public_key }), on_chain);
    assert.equal(await buyerKeyOnChain({ curve, public_key }), on_chain);
    assert.deepEqual(await buyerKeyFromChain(on_chain), { curve, publicKey: public_key });
    assert.equal(`0x${toHex(await keccak256(bytes(on_chain.slice(2))))}`, key_hash);
  }
});

test("a key on chain that is cut, uncompressed or off its curve is refused", async () => {
  for (const { on_chain } of buyer_keys) {
    await assert.rejects(buyerKeyFromChain(on_chain.slice(0, -2)), refused("envelope_public_key"));
  }
  const { secp256k1 } = await import("@noble/curves/secp256k1.js");
  const uncompressed = toHex(secp256k1.getPublicKey(new Uint8Array(32).fill(1), false));
  await assert.rejects(buyerKeyFromChain(`0x${uncompressed}`), refused("bad_argument"));
  await assert.rejects(buyerKeyFromChain(buyer_keys[0].on_chain.slice(2)), refused("bad_argument"));
  await assert.rejects(buyerKeyOnChain({ curve: "p256", publicKey: buyer_keys[0].public_key }), refused("envelope_public_key"));
});

test("a key is proved for one store and account, and for no other", async () => {
  const wallet = await walletFromPrivateKey(new Uint8Array(32).fill(7), "p256");
  assert.equal(key_proofs.length, 2);
  for (const { store, account, context, secret, answer } of key_proofs) {
    const envelope = await wrapMarketplaceDEK(bytes(secret), wallet.publicKey, context, { curve: "p256" });
    assert.equal(await proveKey(envelope, wallet, { store, account }), answer);
    assert.equal(await proveKey({ envelope, context }, wallet, { store: `${store}/below/`, account }), answer);
    const others = [
      { store: "https://another.example", account },
      { store, account: `${account}x` },
    ];
    for (const whose of others) {
      await assert.rejects(proveKey(envelope, wallet, whose), refused("key_proof_elsewhere"));
      await assert.rejects(proveKey({ envelope, context }, wallet, whose), refused("key_proof_elsewhere"));
    }
    for (const wrong of [undefined, "", "8443:us_1", `${account}:`, "us/1", "us_1\n"]) {
      await assert.rejects(proveKey(envelope, wallet, /** @type {any} */ ({ store, account: wrong })), refused("bad_argument"));
    }
  }
  // A port could be read as the beginning of an account: such an account is refused, whoever names it.
  const shared = "sealpost-key:https://store.example:8443:us_1";
  const moved = await wrapMarketplaceDEK(new Uint8Array(32), wallet.publicKey, shared, { curve: "p256" });
  assert.match(await proveKey(moved, wallet, { store: "https://store.example:8443", account: "us_1" }), /^[0-9a-f]{64}$/);
  await assert.rejects(proveKey(moved, wallet, { store: "https://store.example", account: "8443:us_1" }), refused("bad_argument"));
  // Whatever a store sends, it learns nothing of an envelope that was made for something else.
  const bought = await wrapMarketplaceDEK(new Uint8Array(32), wallet.publicKey, "com.publisher.my-plugin", { curve: "p256" });
  const { store, account } = key_proofs[0];
  await assert.rejects(proveKey(bought, wallet, { store, account }), refused("key_proof_elsewhere"));
});

/**
 * A wallet with the accounts of the vectors, which says these signatures.
 *
 * @param {any} vector
 * @param {{ signatures?: string[] }} [options]
 */
function signer(vector, { signatures = [vector.signature] } = {}) {
  /** @type {any[]} */
  const asked = [];
  return {
    asked,
    async request(/** @type {any} */ { method, params }) {
      asked.push({ method, params });
      if (method === "eth_requestAccounts") return [vector.account];
      assert.equal(method, "personal_sign");
      return signatures[(asked.filter((each) => each.method === method).length - 1) % signatures.length];
    },
  };
}

test("an account's signature leads to the keys that others derive from it, on every curve", async () => {
  assert.equal(signature_wallets.length, 3);
  for (const vector of signature_wallets) {
    const provider = signer(vector);
    const wallet = await walletFromSignature(provider, { site: vector.site });
    assert.equal(wallet.account, vector.account);
    const requests = provider.asked.filter(({ method }) => method === "personal_sign");
    assert.equal(requests.length, 2, "the first time, it is asked twice");
    assert.equal(new TextDecoder().decode(bytes(requests[0].params[0].slice(2))), vector.text);
    assert.equal(requests[0].params[1], vector.account);
    assert.ok(vector.text.startsWith(`${new URL(vector.site).host} wants you to sign in with your Ethereum account:\n`), "wallets know the form");
    for (const { curve, index, private_key, public_key } of vector.keys) {
      const key = await wallet.key(index, curve);
      assert.equal(key.publicKey, public_key);
      const envelope = await wrapMarketplaceDEK(new Uint8Array(32).fill(9), public_key, "p", { curve });
      assert.deepEqual(await unwrapMarketplaceDEK(envelope, key, "p"), new Uint8Array(32).fill(9));
      const shown = inspect(wallet, { depth: 9, showHidden: true }) + JSON.stringify(wallet);
      assert.ok(!shown.includes(private_key) && !shown.includes(vector.signature.slice(2)));
    }
    const again = signer(vector);
    const known = [wallet.publicKey];
    assert.equal((await walletFromSignature(again, { site: vector.site, account: vector.account, known })).publicKey, wallet.publicKey);
    assert.deepEqual(again.asked.map(({ method }) => method), ["personal_sign"], "then once");
    wallet.dispose();
    await assert.rejects(wallet.key(1), refused("wallet_closed"));
  }
});

test("the other form of the same signature leads to the same keys", async () => {
  const [vector] = signature_wallets;
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = order - BigInt(`0x${vector.signature.slice(66, 130)}`);
  const v = vector.signature.endsWith("1b") ? "1c" : "1b";
  const high = vector.signature.slice(0, 66) + s.toString(16).padStart(64, "0") + v;
  const zeroOrOne = vector.signature.slice(0, 130) + (vector.signature.endsWith("1b") ? "00" : "01");
  const wallet = await walletFromSignature(signer(vector, { signatures: [high, zeroOrOne] }), { site: vector.site });
  assert.equal(wallet.publicKey, vector.keys[0].public_key);
});

test("signers that do not repeat themselves, sign for another site or as another account are refused", async () => {
  const [vector, elsewhere, somebody] = signature_wallets;
  const { secp256k1 } = await import("@noble/curves/secp256k1.js");
  const random = secp256k1.sign(bytes(vector.digest), bytes(vector.signer), { prehash: false, extraEntropy: true, format: "recovered" });
  const drawn = `0x${toHex(random.subarray(1))}${random[0] ? "1c" : "1b"}`;
  assert.notEqual(drawn, vector.signature);
  const { site } = vector;
  const ask = (/** @type {string[]} */ ...signatures) => walletFromSignature(signer(vector, { signatures }), { site });
  await assert.rejects(ask(vector.signature, drawn), refused("signer_not_repeatable"));
  await assert.rejects(ask(elsewhere.signature), refused("signer_unusable"));
  await assert.rejects(ask(somebody.signature), refused("signer_unusable"));
  for (const none of ["", "0x", "0x00", `${vector.signature}00`, vector.signature.slice(0, -2) + "1d", `0x${"00".repeat(65)}`]) {
    await assert.rejects(ask(none), refused("signer_unusable"));
  }
});

test("what wallets refuse is told by its code", async () => {
  const codes = { 4001: "wallet_rejected", 4100: "wallet_locked", 4200: "wallet_cannot", [-32002]: "wallet_busy", [-32000]: "wallet_failed" };
  for (const [number, code] of Object.entries(codes)) {
    const provider = { request: () => Promise.reject({ code: Number(number), message: "x".repeat(1000) }) };
    await assert.rejects(walletFromSignature(provider, { site: "https://store.example" }), refused(code));
  }
  const broken = { request: () => Promise.reject(undefined) };
  await assert.rejects(walletFromSignature(broken, { site: "https://store.example" }), refused("wallet_failed"));
  const none = { request: async () => [] };
  await assert.rejects(walletFromSignature(none, { site: "https://store.example" }), refused("bad_argument"));
});

test("the guide's example with a wallet runs, and what it asserts holds", async (context) => {
  const [vector] = signature_wallets;
  const [code, ...others] = examples("js wallet");
  assert.ok(code && others.length === 0);
  const file = fileURLToPath(new URL(`./readme-wallet-${process.pid}.mjs`, import.meta.url));
  const provider = signer(vector);
  const complaints = context.mock.method(console, "assert", (/** @type {unknown} */ holds) => assert.ok(holds));
  Object.assign(globalThis, { ethereum: provider, location: { origin: vector.site } });
  try {
    await writeFile(file, code);
    await import(file);
  } finally {
    await rm(file, { force: true });
    Reflect.deleteProperty(globalThis, "ethereum");
    Reflect.deleteProperty(globalThis, "location");
  }
  assert.equal(complaints.mock.callCount(), 1);
  assert.equal(provider.asked.length, 4);
});
