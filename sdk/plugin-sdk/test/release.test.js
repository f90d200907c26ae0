import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { releaseBytes, signRelease, verifyRelease } from "../index.js";
import { fromUtf8, toHex } from "../src/bytes.js";
import { canonicalJson } from "../src/canonical.js";
import { refused } from "./support/errors.js";
import { bytes, text, vectors } from "./support/vectors.js";

const [FIRST] = vectors("release.json");

test("JSON is written as RFC 8785 has it", () => {
  const files = ["arrays", "french", "structures", "unicode", "values", "weird"];
  for (const name of files) {
    assert.equal(canonicalJson(vectors(`rfc8785/input/${name}.json`)), text(`rfc8785/output/${name}.json`).trimEnd());
  }
  for (const bad of [NaN, Infinity, undefined, 1n, () => 0, "\ud800", { "\udc00": 1 }, [undefined], new Array(2)]) {
    assert.throws(() => canonicalJson(bad), refused("json_invalid"));
  }
});

test("numbers are written as the published sequence has them", () => {
  const hash = createHash("sha256");
  let written = 0;
  for (const [bits, number] of sequence()) {
    hash.update(`${bits.toString(16)},${canonicalJson(number)}\n`);
    if (++written === 100_000) break;
  }
  assert.equal(hash.digest("hex"), "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7");
});

test("releases signed elsewhere verify, and ours are the same bytes", async () => {
  const cases = vectors("release.json");
  assert.equal(cases.length, 4);
  for (const { seed, statement, canonical, signature } of cases) {
    assert.equal(fromUtf8(releaseBytes(statement)), `sealpost-release-v1\n${canonical}`);
    await verifyRelease(statement, signature, { publisherKey: statement.publisher });
    await verifyRelease(statement, bytes(signature), { publisherKey: bytes(statement.publisher) });
    await verifyRelease(statement, signature, { allowUnsigned: true });
    const { publisher, ...unsigned } = statement;
    assert.deepEqual(await signRelease(unsigned, bytes(seed)), { release: statement, publisher, signature });
  }
});

test("every member is signed", async () => {
  const { statement, signature } = FIRST;
  const changed = [
    { listing: "other" },
    { version: "1.0.1" },
    { cid: undefined },
    { cid: "bafyother" },
    { cipher: "age" },
    { plain_sha256: "00".repeat(32) },
    { manifest: {} },
  ];
  const trust = { publisherKey: statement.publisher };
  for (const change of changed) {
    await assert.rejects(
      verifyRelease({ ...statement, ...change }, signature, trust),
      refused("release_bad_signature"),
    );
  }
  for (let at = 0; at < 64; at += 5) {
    const other = bytes(signature);
    other[at] ^= 1 << (at % 8);
    await assert.rejects(verifyRelease(statement, other, trust), refused("release_bad_signature"));
  }
});

test("whose signature counts is the reader's choice", async () => {
  const { statement, signature, seed } = FIRST;
  const other = toHex(bytes("07".repeat(32)));
  await assert.rejects(
    verifyRelease(statement, signature, { publisherKey: other }),
    refused("release_wrong_publisher"),
  );
  await assert.rejects(verifyRelease(statement, undefined, { publisherKey: other }), refused("release_unsigned"));
  await verifyRelease(statement, undefined, { allowUnsigned: true });
  for (const trust of [undefined, {}, { allowUnsigned: false }, { allowUnsigned: 1 }, { publisherKey: "ff" }]) {
    await assert.rejects(verifyRelease(statement, signature, /** @type {any} */ (trust)), refused("bad_argument"));
  }
  await assert.rejects(
    signRelease({ ...statement, publisher: other }, bytes(seed)),
    refused("release_wrong_publisher"),
  );
});

test("a publisher of small or mixed order signs nothing", async () => {
  const points = vectors("curve25519-refused.json").filter((/** @type {any} */ { curve }) => curve === "ed25519");
  assert.ok(points.length > 10);
  const forged = new Uint8Array(64);
  forged[0] = 1;
  for (const { public: publisher } of points) {
    const release = { ...FIRST.statement, publisher };
    await assert.rejects(verifyRelease(release, forged, { allowUnsigned: true }), refused("release_bad_signature"));
  }
});

test("a signature has one form: what is added to it, cut off or changed is refused", async (t) => {
  const { statement, signature } = FIRST;
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const scalar = bytes(signature).slice(32).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const more = bytes(signature);
  for (let i = 0, rest = scalar + order; i < 32; i++, rest >>= 8n) more[32 + i] = Number(rest & 255n);
  const changed = [0, 31, 32, 63].map((at) => bytes(signature).map((byte, i) => (i === at ? byte ^ 1 : byte)));
  const importKey = crypto.subtle.importKey;
  for (const platform of ["with", "without"]) {
    if (platform === "without") {
      t.mock.method(crypto.subtle, "importKey", async (/** @type {any[]} */ ...args) => {
        if (args[2] === "Ed25519") throw new DOMException("none here", "NotSupportedError");
        return Reflect.apply(importKey, crypto.subtle, args);
      });
    }
    await verifyRelease(statement, signature, { allowUnsigned: true });
    for (const forged of [more, ...changed]) {
      await assert.rejects(
        verifyRelease(statement, forged, { allowUnsigned: true }),
        refused("release_bad_signature"),
        `${platform} the platform's Ed25519`,
      );
    }
  }
});

test("numbers that libraries read differently are refused", async () => {
  const { seed, statement } = FIRST;
  for (const number of [2 ** 53, -(2 ** 53), 1e16, 1e20]) {
    for (const manifest of [{ number }, { deep: [{ number }] }]) {
      await assert.rejects(signRelease({ ...statement, manifest }, bytes(seed)), refused("release_number"));
    }
  }
  await signRelease(
    { ...statement, manifest: { safe: 2 ** 53 - 1, half: 0.5, exponent: [1e21, -1e300] } },
    bytes(seed),
  );
});

test("what is no release is refused", async () => {
  const { statement, seed } = FIRST;
  const bad = [
    { homepage: "https://example.com" },
    { cipher: "rot13" },
    { manifest: [] },
    { plain_sha256: "ff" },
    { listing: 1 },
    { cid: 7 },
    { version: undefined },
  ];
  for (const change of bad) {
    await assert.rejects(signRelease({ ...statement, ...change }, bytes(seed)), refused("release_malformed"));
  }
});

test("a key that may not leave WebCrypto signs, and so does a holder elsewhere", async () => {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]));
  const { publisher: _, ...statement } = FIRST.statement;
  const { release, publisher, signature } = await signRelease(statement, pair);
  await verifyRelease(release, signature, { publisherKey: publisher });
  const sign = async (/** @type {Uint8Array<ArrayBuffer>} */ message) =>
    new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, message));
  assert.equal((await signRelease(statement, { publicKey: publisher, sign })).signature, signature);
  await assert.rejects(signRelease(statement, /** @type {any} */ ("seed")), refused("bad_argument"));
  await assert.rejects(signRelease(statement, new Uint8Array(31)), refused("bad_argument"));
});

/**
 * A list of edge cases, the smallest normal numbers, and what a chain of SHA-256 gives.
 *
 * @returns {Generator<[bigint, number]>}
 */
function* sequence() {
  const view = new DataView(new ArrayBuffer(8));
  const listed = text("rfc8785/numbers.txt")
    .trim()
    .split("\n")
    .map((line) => BigInt(`0x${line}`));
  for (let next = 0n; next < 2000n; next++) listed.push((1n << 52n) + next);
  for (const bits of listed) {
    view.setBigUint64(0, bits);
    yield [bits, view.getFloat64(0)];
  }
  for (let block = Buffer.alloc(32); ;) {
    block = createHash("sha256").update(block).digest();
    for (let at = 0; at < 32; at += 8) {
      const number = block.readDoubleLE(at);
      if (number !== 0 && Number.isFinite(number)) yield [block.readBigUInt64LE(at), number];
    }
  }
}
