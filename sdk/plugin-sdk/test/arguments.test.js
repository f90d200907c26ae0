import assert from "node:assert/strict";
import { test } from "node:test";

import * as sdk from "../index.js";

const JUNK = [
  undefined,
  null,
  7,
  -1,
  NaN,
  1n,
  true,
  "",
  "x",
  "secp256k1",
  "00".repeat(32),
  "02".repeat(33),
  Symbol("x"),
  () => 7,
  [],
  ["a"],
  [null],
  {},
  { curve: "p256" },
  { publicKey: 7, curve: "p256" },
  { privateKey: 1, ecdh: 1 },
  { pluginId: "p" },
  { pluginId: "p", allowUnsigned: true },
  { version: 2, epoch: 1 },
  { allowUnsigned: true },
  new Uint8Array(),
  new Uint8Array(32).fill(1),
  new Uint8Array(33).fill(2),
  new ArrayBuffer(8),
  new Date(0),
  Object.create(null),
];

test("whatever is given, what is refused is refused by a SealpostError", async () => {
  const functions = Object.entries(sdk).filter(
    ([name, value]) => typeof value === "function" && name !== "SealpostError",
  );
  assert.ok(functions.length > 40);
  let refusals = 0;
  const call = async (/** @type {string} */ name, /** @type {any} */ of, /** @type {unknown[]} */ given) => {
    try {
      await of(...given);
    } catch (error) {
      const shown = given.map((value) => (typeof value === "symbol" ? "symbol" : JSON.stringify(value, bigints)));
      const isOurs = error instanceof sdk.SealpostError;
      assert.ok(isOurs, `${name}(${shown}): ${error instanceof Error ? error.stack : error}`);
      assert.notEqual(error.hint, "", `${name}(${shown}): ${error.code}`);
      refusals++;
    }
  };
  for (const [name, of] of functions) {
    await call(name, of, []);
    for (const one of JUNK) await call(name, of, [one]);
    for (let round = 0; round < 150; round++) {
      const given = Array.from({ length: 2 + (round % 4) }, () => JUNK[Math.floor(Math.random() * JUNK.length)]);
      await call(name, of, given);
    }
  }
  assert.ok(refusals > 5000, String(refusals));
});

/**
 * @param {string} _
 * @param {unknown} value
 */
const bigints = (_, value) => (typeof value === "bigint" ? String(value) : value);
