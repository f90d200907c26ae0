import assert from "node:assert/strict";
import { test } from "node:test";

import { SealpostError, readEme, unwrapMarketplaceDEK, writeEme } from "../index.js";
import { toHex } from "../src/bytes.js";
import { refused } from "./support/errors.js";
import { bytes, vectors } from "./support/vectors.js";

const { records, variants, bad, later } = vectors("eme.json");

test("records are those of the standard's own JavaScript, byte for byte", async () => {
  assert.equal(records.length, 5);
  let opened = 0;
  for (const { envelope, plugin_id, size_prefixed, bare, secret, dek, curve } of records) {
    const pluginId = plugin_id ?? undefined;
    assert.equal(toHex(writeEme(envelope, pluginId)), size_prefixed, curve);
    for (const written of [size_prefixed, bare, size_prefixed.slice(8)]) {
      assert.deepEqual(readEme(bytes(written)), { envelope, pluginId });
    }
    if (secret === undefined) continue;
    assert.equal(toHex(await unwrapMarketplaceDEK(readEme(bytes(bare)).envelope, secret, plugin_id ?? "")), dek);
    opened++;
  }
  assert.equal(opened, 4);
});

test("what other writers may do is read as it was meant, and each unusable record is refused for its reason", () => {
  let [read, refusals] = [0, 0];
  for (const { of, cases } of [variants, later]) {
    const expected = records.find((/** @type {any} */ { curve }) => curve === of).envelope;
    for (const { bytes: written, plugin_id } of cases) {
      assert.deepEqual(readEme(bytes(written)), { envelope: expected, pluginId: plugin_id ?? undefined });
      read++;
    }
  }
  for (const { name, code, bytes: written } of [...bad, ...later.bad]) {
    assert.throws(() => readEme(bytes(written)), refused(code), name);
    refusals++;
  }
  assert.ok(read >= 4 && refusals >= 20, `${read} ${refusals}`);
});

test("a changed or cut record is refused or read, and nothing else happens", () => {
  const written = bytes(records[0].size_prefixed);
  for (let at = 0; at < written.length; at++) {
    for (const to of [0, 0xff, written[at] ^ 1]) {
      const changed = written.slice();
      changed[at] = to;
      try {
        readEme(changed);
      } catch (error) {
        assert.ok(error instanceof SealpostError, String(error));
      }
    }
    assert.throws(() => readEme(written.slice(0, at)), refused("eme_not_eme"));
  }
  assert.throws(() => readEme(Uint8Array.of(...written, 0)), refused("eme_not_eme"));
  assert.throws(() => readEme(new Uint8Array(20_000)), refused("eme_too_large"));
  assert.throws(() => writeEme(records[0].envelope, "x".repeat(3000)), refused("eme_too_large"));
});
