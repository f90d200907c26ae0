import assert from "node:assert/strict";
import { test } from "node:test";

import { fixedSize } from "ipfs-unixfs-importer/chunker";
import { balanced } from "ipfs-unixfs-importer/layout";
import { importer } from "ipfs-unixfs-importer";

import { blobCid } from "../index.js";

const CHUNK = 256 << 10;

test("CIDs are those of ipfs-unixfs-importer, around every border of the tree", async () => {
  const sizes = [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5_000_003, 174 * CHUNK, 174 * CHUNK + 1, 64 << 20];
  for (const size of sizes) {
    const bytes = new Uint8Array(size);
    // Every chunk another.
    for (let at = 0; at < size; at += 1000) bytes[at] = (at / 1000) * 31;
    assert.equal(await blobCid(bytes), await theirs(bytes), `${size} bytes`);
  }
});

test("known CIDs", async () => {
  assert.equal(await blobCid(new Uint8Array()), "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
  const hello = new TextEncoder().encode("hello world");
  assert.equal(await blobCid(hello), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
});

/** @param {Uint8Array} content */
async function theirs(content) {
  const nowhere = { put: async (/** @type {any} */ cid) => cid };
  const options = {
    cidVersion: /** @type {const} */ (1),
    rawLeaves: true,
    chunker: fixedSize({ chunkSize: CHUNK }),
    layout: balanced({ maxChildrenPerNode: 174 }),
  };
  for await (const { cid } of importer([{ content }], /** @type {any} */ (nowhere), options)) return cid.toString();
  throw new Error("no entry");
}
