import assert from "node:assert/strict";
import { test } from "node:test";

import {
  CURVES,
  asWallet,
  encryptForMarketplace,
  generateSecretKey,
  publicKeyOf,
  readPublicKey,
  unwrapMarketplaceDEK,
  walletFromPrivateKey,
  wrapDEKForBuyer,
  wrapMarketplaceDEK,
} from "../index.js";
import { fromBase64, toBase64 } from "../src/base64.js";
import { toHex } from "../src/bytes.js";
import { uncompress } from "../src/curves/sec1.js";
import { refused } from "./support/errors.js";
import { bytes, vectors } from "./support/vectors.js";

const PLUGIN = "com.publisher.my-plugin";

test("envelopes made elsewhere open on every curve", async () => {
  const cases = vectors("ecdh-curves.json");
  assert.equal(cases.length, 20);
  const opened = new Map(CURVES.map((curve) => [curve, 0]));
  for (const { secret, public: expected, plugin_id, dek, envelope } of cases) {
    const { curve } = envelope;
    assert.equal(toHex(await publicKeyOf(curve, bytes(secret))), expected);
    assert.equal(toHex(await readPublicKey(curve, expected)), expected);
    assert.equal(toHex(await unwrapMarketplaceDEK(envelope, bytes(secret), plugin_id)), dek);
    assert.equal(toHex(await unwrapMarketplaceDEK(envelope, secret, plugin_id)), dek);
    const upper = { ...envelope, ephemeralPub: envelope.ephemeralPub.toUpperCase(), salt: envelope.salt.toUpperCase() };
    assert.equal(toHex(await unwrapMarketplaceDEK(upper, secret, plugin_id)), dek);
    await assert.rejects(unwrapMarketplaceDEK(envelope, secret, `${plugin_id}x`), refused("envelope_not_for_us"));
    opened.set(curve, (opened.get(curve) ?? 0) + 1);
  }
  assert.deepEqual([...opened.values()], [4, 4, 4, 4, 4]);

  const x25519 = vectors("ecdh-x25519.json");
  assert.equal(x25519.length, 2);
  for (const { recipient_secret, plugin_id, dek, envelope } of x25519) {
    assert.equal(toHex(await unwrapMarketplaceDEK(envelope, recipient_secret, plugin_id)), dek);
  }
});

test("public keys that agree on nothing safe are refused", async () => {
  const cases = vectors("curve25519-refused.json");
  assert.equal(cases.length, 46);
  for (const { curve, public: key, why } of cases) {
    await assert.rejects(readPublicKey(curve, key), refused("envelope_public_key"), why);
    await assert.rejects(
      wrapMarketplaceDEK(new Uint8Array(32), key, "p", { curve }),
      refused("envelope_public_key"),
      why,
    );
  }
});

test("points off the curve, the identity and other forms of SEC1 are refused", async () => {
  for (const curve of /** @type {const} */ (["p256", "p384", "secp256k1"])) {
    const point = await publicKeyOf(curve, await generateSecretKey(curve));
    const long = await uncompress(curve, point);
    assert.deepEqual(await readPublicKey(curve, long), point);
    assert.deepEqual(await readPublicKey(curve, toHex(long).toUpperCase()), point);
    const offCurve = long.slice();
    offCurve[offCurve.length - 1] ^= 1;
    const tooLarge = point.slice().fill(0xff, 1);
    const forms = [0, 1, 5, 6, 7].flatMap((tag) => [retagged(point, tag), retagged(long, tag)]);
    const crossed = [retagged(point, 4), retagged(long, 2)];
    const lengths = [new Uint8Array(), new Uint8Array(1), point.slice(1), long.slice(0, -1), new Uint8Array(200)];
    for (const bad of [offCurve, tooLarge, ...forms, ...crossed, ...lengths, "zz", "0x02", `${toHex(point)}0`]) {
      await assert.rejects(readPublicKey(curve, bad), refused("envelope_public_key"), `${curve} ${bad}`);
    }
  }
});

test("an envelope opens with its key and plugin alone, and has the shape of the format", async () => {
  for (const curve of CURVES) {
    const [secret, other] = [await generateSecretKey(curve), await generateSecretKey(curve)];
    const { dek } = await encryptForMarketplace(new Uint8Array(3));
    const publicKey = await publicKeyOf(curve, secret);
    const envelope = await wrapDEKForBuyer(dek, toHex(publicKey), curve, PLUGIN);

    assert.deepEqual(Object.keys(envelope), ["ephemeralPub", "wrappedDEK", "salt", "curve"]);
    const sender = { ed25519: 64, p256: 66, p384: 98, secp256k1: 66, x25519: 64 };
    assert.equal(envelope.ephemeralPub.length, sender[curve]);
    assert.equal(envelope.wrappedDEK.length, 80);
    const salt = await crypto.subtle.digest("SHA-256", publicKey);
    assert.equal(envelope.salt, toHex(new Uint8Array(salt)));
    assert.equal(envelope.curve, curve);

    const wallet = await walletFromPrivateKey(secret, curve);
    assert.equal(wallet.publicKey, toHex(publicKey));
    assert.deepEqual(await unwrapMarketplaceDEK(envelope, secret, PLUGIN), dek);
    assert.deepEqual(await unwrapMarketplaceDEK(envelope, wallet, PLUGIN), dek);
    await assert.rejects(unwrapMarketplaceDEK(envelope, other, PLUGIN), refused("envelope_not_for_us"));
    wallet.dispose();
    await assert.rejects(unwrapMarketplaceDEK(envelope, wallet, PLUGIN), refused("wallet_closed"));

    for (const elsewhere of CURVES.filter((name) => name !== curve)) {
      const stranger = await walletFromPrivateKey(await generateSecretKey(elsewhere), elsewhere);
      await assert.rejects(unwrapMarketplaceDEK(envelope, stranger, PLUGIN), refused("envelope_curve"));
    }
  }
});

test("any changed bit of an envelope is refused", async () => {
  for (const curve of CURVES) {
    const secret = await generateSecretKey(curve);
    const dek = new Uint8Array(32).fill(9);
    const envelope = await wrapMarketplaceDEK(dek, await publicKeyOf(curve, secret), PLUGIN, { curve });
    for (let at = 0; at < 60; at += 7) {
      const wrapped = /** @type {Uint8Array} */ (fromBase64(envelope.wrappedDEK));
      wrapped[at] ^= 1 << (at % 8);
      const changed = { ...envelope, wrappedDEK: toBase64(wrapped) };
      await assert.rejects(unwrapMarketplaceDEK(changed, secret, PLUGIN), refused("envelope_not_for_us"));
    }
    const salt = bytes(envelope.salt);
    salt[0] ^= 1;
    await assert.rejects(
      unwrapMarketplaceDEK({ ...envelope, salt: toHex(salt) }, secret, PLUGIN),
      refused("envelope_not_for_us"),
    );
    const zero = { ...envelope, ephemeralPub: "00".repeat(envelope.ephemeralPub.length / 2) };
    await assert.rejects(unwrapMarketplaceDEK(zero, secret, PLUGIN), refused("envelope_public_key"));
  }
});

test("an envelope of low order opens nothing, whoever holds the key", async () => {
  const [secret, envelope] = [await generateSecretKey("x25519"), vectors("ecdh-x25519.json")[0].envelope];
  const refusedKeys = vectors("curve25519-refused.json").filter((/** @type {any} */ { curve }) => curve === "x25519");
  assert.ok(refusedKeys.length > 5);
  for (const { public: ephemeralPub } of refusedKeys) {
    await assert.rejects(
      unwrapMarketplaceDEK({ ...envelope, ephemeralPub }, secret, PLUGIN),
      refused("envelope_public_key"),
    );
  }
  const ecdhFn = () => new Uint8Array(32);
  await assert.rejects(unwrapMarketplaceDEK(envelope, secret, PLUGIN, { ecdhFn }), refused("envelope_public_key"));
});

test("what is no envelope is refused by name", async () => {
  const { envelope } = vectors("ecdh-curves.json")[0];
  const secret = new Uint8Array(32).fill(1);
  const cases = {
    bad_argument: [undefined, null, "text", []],
    envelope_unknown_curve: [{ ...envelope, curve: "P256" }, { ...envelope, curve: undefined }, {}],
    envelope_malformed: [
      { ...envelope, wrappedDEK: `${envelope.wrappedDEK}AAAA` },
      { ...envelope, wrappedDEK: envelope.wrappedDEK.replace(/^./, " ") },
      { ...envelope, salt: "0" },
      { ...envelope, salt: undefined },
      { ...envelope, ephemeralPub: 7 },
    ],
    envelope_public_key: [
      { ...envelope, ephemeralPub: "" },
      { ...envelope, ephemeralPub: "02" },
    ],
  };
  for (const [code, envelopes] of Object.entries(cases)) {
    for (const bad of envelopes) {
      await assert.rejects(unwrapMarketplaceDEK(/** @type {any} */ (bad), secret, PLUGIN), refused(code));
    }
  }
  await assert.rejects(unwrapMarketplaceDEK(envelope, secret, /** @type {any} */ (7)), refused("bad_argument"));
  await assert.rejects(unwrapMarketplaceDEK(envelope, secret, "\ud800"), refused("bad_argument"));
});

test("private keys that are none on their curve are refused", async () => {
  const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  await assert.rejects(walletFromPrivateKey(bytes(order), "p256"), refused("envelope_secret_key"));
  await assert.rejects(walletFromPrivateKey(new Uint8Array(32), "secp256k1"), refused("envelope_secret_key"));
  await assert.rejects(walletFromPrivateKey(new Uint8Array(32).fill(1), "p384"), refused("envelope_secret_key"));
  await assert.rejects(walletFromPrivateKey(new Uint8Array(31), "x25519"), refused("envelope_secret_key"));
  await assert.rejects(asWallet("not hex"), refused("envelope_secret_key"));
});

test("a key may stay in a wallet of any shape", async () => {
  const { secret, plugin_id, dek, envelope } = vectors("ecdh-curves.json")[0];
  const inside = await walletFromPrivateKey(bytes(secret));
  const opens = async (/** @type {any} */ wallet, options = {}) =>
    assert.equal(toHex(await unwrapMarketplaceDEK(envelope, wallet, plugin_id, options)), dek);

  await opens({
    privateKey: "handle",
    ecdh: (/** @type {string} */ key, /** @type {Uint8Array} */ peer) => {
      assert.equal(key, "handle");
      return inside.ecdh(peer);
    },
  });
  await opens("handle", { ecdhFn: (/** @type {string} */ _, /** @type {Uint8Array} */ peer) => inside.ecdh(peer) });
  await opens({ curve: "secp256k1", ecdh: inside.ecdh });
  await opens({ privateKey: bytes(secret) });
  for (const [answer, code] of /** @type {[unknown, string][]} */ ([
    [new Uint8Array(33), "envelope_key_holder"],
    ["text", "envelope_key_holder"],
    [undefined, "envelope_key_holder"],
  ])) {
    const ecdhFn = /** @type {any} */ (async () => answer);
    await assert.rejects(unwrapMarketplaceDEK(envelope, "handle", plugin_id, { ecdhFn }), refused(code));
  }
  const throws = () => {
    throw new Error(secret);
  };
  await assert.rejects(unwrapMarketplaceDEK(envelope, secret, plugin_id, { ecdhFn: throws }), (error) => {
    assert.ok(error instanceof Error && !error.message.includes(secret) && error.cause === undefined);
    return refused("envelope_key_holder")(error);
  });
  for (const none of [undefined, null, 7, {}, { ecdh: 1 }, { ecdh() {} }]) {
    await assert.rejects(unwrapMarketplaceDEK(envelope, /** @type {any} */ (none), plugin_id));
  }
});

test("plugin ids of any length derive the key they should", async () => {
  const secret = new Uint8Array(32).fill(5);
  const publicKey = await publicKeyOf("x25519", secret);
  const dek = new Uint8Array(32).fill(6);
  for (const length of [0, 1, 900, 1005, 1006, 5000]) {
    const pluginId = "ü".repeat(length / 2) + "x".repeat(length % 2);
    const envelope = await wrapMarketplaceDEK(dek, publicKey, pluginId, { curve: "x25519" });
    const { hkdf } = await import("@noble/hashes/hkdf.js");
    const { sha256 } = await import("@noble/hashes/sha2.js");
    const wallet = await walletFromPrivateKey(secret, "x25519");
    const shared = await wallet.ecdh(bytes(envelope.ephemeralPub));
    const info = new TextEncoder().encode(`orbpro-marketplace:${pluginId}`);
    const key = hkdf(sha256, shared, bytes(envelope.salt), info, 32).slice();
    const aes = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
    const wrapped = /** @type {Uint8Array<ArrayBuffer>} */ (fromBase64(envelope.wrappedDEK));
    const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv: wrapped.slice(0, 12) }, aes, wrapped.slice(12));
    assert.deepEqual(new Uint8Array(opened), dek);
  }
});

/**
 * @param {Uint8Array} point
 * @param {number} tag
 */
function retagged(point, tag) {
  const other = point.slice();
  other[0] = tag;
  return other;
}
