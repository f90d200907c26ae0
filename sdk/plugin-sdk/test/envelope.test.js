import assert from "node:assert/strict";
import { test } from "node:test";

import {
  CURVES,
  decryptWithDEK,
  generateSecretKey,
  publicKeyOf,
  readPublicKey,
  unwrapMarketplaceDEK,
  walletFromPrivateKey,
  wrapMarketplaceDEK,
} from "../index.js";
import { fromBase64, toBase64 } from "../src/base64.js";
import { toHex } from "../src/bytes.js";
import { refused } from "./support/errors.js";
import { bytes, vectors } from "./support/vectors.js";

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
    await assert.rejects(wrapMarketplaceDEK(new Uint8Array(32), key, "p", { curve }), refused("envelope_public_key"), why);
  }
});
