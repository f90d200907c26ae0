import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import init from "hd-wallet-wasm";

import {
  CURVES,
  findIndex,
  findIndexes,
  generateMnemonic,
  pluginKeyPath,
  publicKeyOf,
  unwrapMarketplaceDEK,
  walletFromHdWallet,
  walletFromMnemonic,
  walletFromPrivateKey,
  wrapMarketplaceDEK,
} from "../index.js";
import { toHex } from "../src/bytes.js";
import { reduce } from "../src/wallet/scalars.js";
import { refused } from "./support/errors.js";
import { bytes, vectors } from "./support/vectors.js";

const WORDS = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
const DEK = new Uint8Array(32).fill(4);

test("words lead to the keys of hd-wallet-wasm and of the Rust wallet, on every curve", async () => {
  const { keys, p384_reduction, p256_refused } = vectors("wallet.json");
  assert.equal(keys.length, 15);
  let compared = 0;
  for (const { mnemonic, passphrase, index, path, keys: expected } of keys) {
    assert.equal(pluginKeyPath(index), path);
    const wallet = await walletFromMnemonic(mnemonic, { passphrase, index });
    assert.equal(wallet.publicKey, expected.secp256k1.public);
    for (const curve of CURVES) {
      const key = await wallet.key(index, curve);
      assert.equal(key.publicKey, expected[curve].public);
      assert.equal(key.index, index);
      assert.equal(toHex(await publicKeyOf(curve, bytes(expected[curve].private))), expected[curve].public);
      const envelope = await wrapMarketplaceDEK(DEK, key.publicKey, "p", { curve });
      assert.deepEqual(await unwrapMarketplaceDEK(envelope, key, "p"), DEK);
      compared++;
    }
    wallet.dispose();
  }
  assert.equal(compared, 75);

  assert.equal(p384_reduction.length, 7);
  for (const { wide, key } of p384_reduction) assert.equal(toHex(reduce("p384", bytes(wide))), key);
  assert.equal(p256_refused.length, 3);
  for (const scalar of p256_refused) {
    await assert.rejects(walletFromPrivateKey(bytes(scalar), "p256"), refused("envelope_secret_key"));
  }
});

test("words of BIP-39's own vectors, and of other languages, lead to the seeds they should", async () => {
  const { wordlist } = await import("@scure/bip39/wordlists/japanese.js");
  const module = /** @type {any} */ (await init());
  const cases = vectors("bip39/japanese.json").slice(0, 6);
  assert.equal(cases.length, 6);
  for (const { mnemonic, passphrase, seed } of cases) {
    const wallet = await walletFromMnemonic(mnemonic, { passphrase, wordlist });
    const same = await walletFromHdWallet(module, { seed: bytes(seed) });
    assert.equal(wallet.publicKey, same.publicKey);
  }
});

test("hd-wallet-wasm holds the same keys and opens the same envelopes", async () => {
  const module = /** @type {any} */ (await init());
  const [ours, theirs] = [
    await walletFromMnemonic(WORDS, { passphrase: "TREZOR" }),
    await walletFromHdWallet(module, { mnemonic: WORDS, passphrase: "TREZOR" }),
  ];
  for (const curve of CURVES) {
    for (const index of [0, 3]) {
      const [mine, its] = [await ours.key(index, curve), await theirs.key(index, curve)];
      assert.equal(its.publicKey, mine.publicKey);
      const envelope = await wrapMarketplaceDEK(DEK, mine.publicKey, "p", { curve });
      assert.deepEqual(await unwrapMarketplaceDEK(envelope, its, "p"), DEK);
      assert.deepEqual(await unwrapMarketplaceDEK(envelope, mine, "p"), DEK);
    }
  }
  // As the document has it: a private key, and a function that agrees with it.
  const privateKey = module.hdkey
    .fromSeed(module.mnemonic.toSeed(WORDS, "TREZOR"))
    .derivePath(pluginKeyPath(0))
    .privateKey();
  const envelope = await wrapMarketplaceDEK(DEK, ours.publicKey, "p");
  const ecdh = (/** @type {Uint8Array} */ priv, /** @type {Uint8Array} */ pub) =>
    module.curves.secp256k1.ecdh(priv, pub);
  assert.deepEqual(await unwrapMarketplaceDEK(envelope, { privateKey, ecdh }, "p"), DEK);
  assert.deepEqual(await unwrapMarketplaceDEK(envelope, privateKey, "p", { ecdhFn: ecdh }), DEK);
  await assert.rejects(walletFromHdWallet(module, { mnemonic: "not words" }), refused("mnemonic_checksum"));
  await assert.rejects(walletFromHdWallet(/** @type {any} */ ({}), { mnemonic: WORDS }), refused("bad_argument"));
  theirs.dispose();
  await assert.rejects(theirs.key(1), refused("wallet_closed"));
  await assert.rejects(unwrapMarketplaceDEK(envelope, theirs, "p"), refused("wallet_closed"));
});

test("words are read as people write them", async () => {
  const { publicKey } = await walletFromMnemonic(WORDS);
  const spaced = await walletFromMnemonic(`  ${WORDS.toUpperCase().replaceAll(" ", "\t\n ")}\n`);
  assert.equal(spaced.publicKey, publicKey);
  assert.notEqual((await walletFromMnemonic(WORDS, { passphrase: "x" })).publicKey, publicKey);
  for (const words of /** @type {const} */ ([12, 15, 18, 21, 24])) {
    const fresh = await generateMnemonic({ words });
    assert.equal(fresh.split(" ").length, words);
    await walletFromMnemonic(fresh);
  }
  assert.equal((await generateMnemonic()).split(" ").length, 24);
});

test("what is wrong with words is told without quoting them", async () => {
  const told = (/** @type {string} */ code) => (/** @type {unknown} */ error) => {
    assert.ok(!/abandon|zebra|sekret/.test(inspect(error, { depth: 9 }).split("\n    at ")[0]));
    return refused(code)(error);
  };
  const unknown = WORDS.replace("abandon", "sekret").replace("about", "sekret");
  await assert.rejects(walletFromMnemonic(unknown), (error) => {
    assert.deepEqual(/** @type {any} */ (error).detail, { places: [1, 12] });
    return told("mnemonic_unknown_word")(error);
  });
  await assert.rejects(walletFromMnemonic(WORDS.replace("about", "zebra")), told("mnemonic_checksum"));
  await assert.rejects(walletFromMnemonic(WORDS.replace("about", "")), told("mnemonic_count"));
  await assert.rejects(walletFromMnemonic(""), told("mnemonic_count"));
  await assert.rejects(walletFromMnemonic(/** @type {any} */ (undefined)), told("bad_argument"));
  await assert.rejects(generateMnemonic({ words: /** @type {any} */ (13) }), refused("mnemonic_count"));
});

test("indexes end where BIP-32 ends", async () => {
  const wallet = await walletFromMnemonic(WORDS);
  await assert.rejects(wallet.key(2 ** 31), refused("wallet_index"));
  for (const index of [-1, 0.5, NaN, "0", undefined]) {
    await assert.rejects(wallet.key(/** @type {any} */ (index)), refused("bad_argument"));
  }
  await assert.rejects(wallet.key(0, /** @type {any} */ ("P-256")), refused("envelope_unknown_curve"));
  assert.throws(() => pluginKeyPath(2 ** 31), refused("wallet_index"));
});

test("a restored wallet finds the index of an envelope again", async () => {
  const wallet = await walletFromMnemonic(WORDS);
  const envelopeFor = async (/** @type {number} */ index, /** @type {import("../src/curves.js").Curve} */ curve) =>
    wrapMarketplaceDEK(DEK, (await wallet.key(index, curve)).publicKey, "p", { curve });
  const restored = await walletFromMnemonic(WORDS);
  assert.equal(await findIndex(await envelopeFor(7, "p256"), restored), 7);
  assert.equal(await findIndex(await envelopeFor(20, "x25519"), restored), undefined);
  assert.equal(await findIndex(await envelopeFor(20, "x25519"), restored, { gap: 21 }), 20);
  const many = [await envelopeFor(19, "secp256k1"), await envelopeFor(30, "p384"), await envelopeFor(2, "ed25519")];
  const stranger = { ...many[0], salt: "00".repeat(32) };
  assert.deepEqual(await findIndexes([...many, stranger], restored), [19, 30, 2, undefined]);
  await assert.rejects(
    findIndex(many[0], await walletFromPrivateKey(new Uint8Array(32).fill(1))),
    refused("bad_argument"),
  );
});

test("CryptoKeys of WebCrypto are wallets", async () => {
  const algorithms = /** @type {const} */ ([
    [{ name: "ECDH", namedCurve: "P-256" }, "p256"],
    [{ name: "ECDH", namedCurve: "P-384" }, "p384"],
    [{ name: "X25519" }, "x25519"],
  ]);
  const { asWallet } = await import("../index.js");
  for (const [algorithm, curve] of algorithms) {
    const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(algorithm, false, ["deriveBits"]));
    const wallet = await asWallet(pair);
    assert.equal(wallet.curve, curve);
    const envelope = await wrapMarketplaceDEK(DEK, /** @type {string} */ (wallet.publicKey), "p", { curve });
    for (const holder of [pair, pair.privateKey, wallet]) {
      assert.deepEqual(await unwrapMarketplaceDEK(envelope, holder, "p"), DEK);
    }
    await assert.rejects(asWallet(pair.publicKey), refused("bad_argument"));
  }
  const signing = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]));
  await assert.rejects(asWallet(signing), refused("bad_argument"));
  await assert.rejects(asWallet(signing.privateKey), refused("bad_argument"));
});

test("a printed wallet shows no key", async () => {
  const secret = vectors("wallet.json").keys[0].keys.secp256k1.private;
  const wallets = [await walletFromMnemonic(WORDS), await walletFromPrivateKey(bytes(secret))];
  for (const wallet of wallets) {
    const shown = inspect(wallet, { depth: 9, showHidden: true }) + JSON.stringify(wallet);
    assert.ok(
      !shown.includes(secret) && !shown.includes("abandon") && !shown.includes(String(bytes(secret).join(", "))),
    );
  }
});
