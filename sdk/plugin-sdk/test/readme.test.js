import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import * as sdk from "../index.js";
import { examples } from "./support/readme.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));

test("the guide's examples run, and what they assert holds", async () => {
  const found = examples("js");
  assert.equal(found.length, 6);
  const folder = await mkdtemp(join(HERE, "readme-"));
  try {
    for (const [number, code] of found.entries()) {
      const file = join(folder, `${number}.mjs`);
      await writeFile(file, code);
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [file]);
      assert.equal(stdout + stderr, "", code);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("every function of the marketplace document is there by its name, and gives a promise", async () => {
  const names = /** @type {const} */ ([
    "encryptForMarketplace",
    "wrapDEKForBuyer",
    "encryptWithDualKEK",
    "encryptWithKEKWrapper",
    "unwrapMarketplaceDEK",
    "wrapMarketplaceDEK",
    "decryptWithDEK",
  ]);
  for (const name of names) {
    const given = /** @type {any} */ (sdk[name])();
    assert.ok(given instanceof Promise, name);
    await assert.rejects(given, (error) => error instanceof sdk.SealpostError && error.code === "bad_argument", name);
  }
});
