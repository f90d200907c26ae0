import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, hkdfSync, pbkdf2Sync, sign } from "node:crypto";
import { test } from "node:test";

import { generateMnemonic, publisherFromMnemonic, publisherFromSeed, signRelease, verifyRelease, walletFromMnemonic } from "../index.js";
import { refused } from "./support/errors.js";

const WORDS = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
/** @type {{ listing: string, version: string, plain_sha256: string, cipher: "aes-256-gcm", manifest: Record<string, unknown> }} */
const RELEASE = { listing: "org.example.a", version: "1.0.0", plain_sha256: "11".repeat(32), cipher: "aes-256-gcm", manifest: {} };

/**
 * The same key by Node's own cryptography.
 *
 * @param {string} words
 */
function byNode(words) {
  const seed = pbkdf2Sync(words, "mnemonic", 2048, 64, "sha512");
  const key = Buffer.from(hkdfSync("sha256", seed, Buffer.alloc(0), "sealpost/publisher/v1", 32));
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), key]);
  const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return { secret, publicKey: createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-32).toString("hex") };
}

test("words lead to the key that their derivation says, which is no key of the wallet's path", async () => {
  const key = await publisherFromMnemonic(`  ${WORDS.toUpperCase()} `);
  const expected = byNode(WORDS);
  assert.equal(key.publicKey, expected.publicKey);
  assert.deepEqual(Buffer.from(key.sign(new Uint8Array([1, 2, 3]))), sign(null, Buffer.from([1, 2, 3]), expected.secret));
  const wallet = await walletFromMnemonic(WORDS, { curve: "ed25519" });
  assert.notEqual(wallet.publicKey, key.publicKey);
  assert.notEqual((await publisherFromMnemonic(await generateMnemonic())).publicKey, key.publicKey);
});

test("what it signs is a release that verifies by its key alone", async () => {
  const key = await publisherFromMnemonic(WORDS);
  const { release, signature, publisher } = await signRelease(RELEASE, key);
  assert.equal(publisher, key.publicKey);
  await verifyRelease(release, signature, { publisherKey: key.publicKey });
  const other = await publisherFromSeed(new Uint8Array(32).fill(7));
  await assert.rejects(verifyRelease(release, signature, { publisherKey: other.publicKey }), refused("release_wrong_publisher"));
});

test("a key that is disposed has wiped its seed, and what is no seed is refused", async () => {
  const seed = new Uint8Array(32).fill(7);
  const key = await publisherFromSeed(seed);
  key.dispose();
  assert.deepEqual(seed, new Uint8Array(32));
  await assert.rejects(publisherFromSeed(new Uint8Array(31)), refused("bad_argument"));
  await assert.rejects(publisherFromMnemonic("abandon abandon"), refused("mnemonic_count"));
});
