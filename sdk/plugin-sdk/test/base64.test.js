import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64, toBase64 } from "../src/base64.js";

test("base64 is that of the platform, and comes back", () => {
  for (let length = 0; length < 200; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    const text = Buffer.from(bytes).toString("base64");
    assert.equal(toBase64(bytes), text);
    assert.deepEqual(fromBase64(text), bytes);
  }
});

test("bytes have one text only", () => {
  const bad = [
    "A",
    "AA",
    "AAA",
    "AA=",
    "A===",
    "====",
    "AB==",
    "AAB=",
    "AA==AAAA",
    "AAA\n",
    " AAA",
    "AA-_",
    "AAÀA",
    "AAA=\n",
    7,
    undefined,
  ];
  for (const text of bad) assert.equal(fromBase64(text), undefined, String(text));
});
