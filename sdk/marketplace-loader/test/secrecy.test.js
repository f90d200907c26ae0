import assert from "node:assert/strict";
import { it } from "node:test";
import { inspect } from "node:util";

import { SealpostError, loadMarketplacePlugin } from "../index.js";
import { everyType } from "./kit/modules.js";
import { buyer, domain, sold } from "./kit/selling.js";
import { serve, serving } from "./kit/server.js";

/**
 * Every way in which bytes are written.
 *
 * @param {Uint8Array} bytes
 */
function spellings(bytes) {
  const buffer = Buffer.from(bytes);
  const hex = buffer.toString("hex");
  return [hex, hex.toUpperCase(), buffer.toString("base64"), buffer.toString("base64url"), buffer.toString("latin1"), bytes.join(",")];
}

/**
 * @param {string} text
 * @param {Uint8Array[]} secrets
 */
function holdsNone(text, secrets) {
  // What is shown of arrays is broken into lines.
  const packed = text.replaceAll(/\s+/g, "");
  for (const secret of secrets) {
    for (const spelling of spellings(secret)) assert.ok(!text.includes(spelling) && !packed.includes(spelling), "a secret shows");
  }
}

const everything = (/** @type {unknown} */ value) => inspect(value, { showHidden: true, depth: 20, maxArrayLength: null, maxStringLength: null });

const { wallet, privateKey } = await buyer();
const { bundle, publisherKey, dek, sealed, domainKey } = await sold(wallet);
const { encryptedData: _, ...rest } = bundle;
const secrets = [privateKey, dek, domainKey, everyType];

it("the search finds what is there", () => {
  for (const secret of secrets) {
    assert.throws(() => holdsNone(everything({ deep: [secret] }), secrets));
    assert.throws(() => holdsNone(`key ${Buffer.from(secret).toString("base64")}`, secrets));
  }
});

it("neither requests, globals, the plugin nor the console hold a key, the content key or the plaintext", async (context) => {
  const { origin, asked, paths } = await serving(context, (request, response) => serve(request, response, sealed));
  /** @type {unknown[]} */
  const said = [];
  for (const name of /** @type {const} */ (["log", "info", "warn", "error", "debug"])) {
    context.mock.method(console, name, (/** @type {unknown[]} */ ...args) => said.push(args));
  }
  const before = Object.getOwnPropertyNames(globalThis);
  const plugin = await loadMarketplacePlugin({ ...rest, url: `${origin}/blob` }, privateKey, { publisherKey });
  const gated = await loadMarketplacePlugin({ ...rest, url: origin }, null, { publisherKey, domainKey, domain });
  assert.equal(plugin.call("compute", 2) + gated.call("compute", 2), 8);
  assert.equal(asked.length, 2);
  assert.deepEqual(Object.getOwnPropertyNames(globalThis), before);
  holdsNone(everything([asked, paths, said]), secrets);
  holdsNone(everything(plugin), secrets);
});

it("no failure holds one", async () => {
  const flipped = sealed.slice();
  flipped[20] = Number(flipped[20]) ^ 1;
  const other = (await buyer()).privateKey;
  const quoting = {
    privateKey,
    ecdh: (/** @type {Uint8Array} */ key) => {
      throw new Error(`no agreement with ${Buffer.from(key).toString("hex")}`, { cause: key });
    },
  };
  const attempts = /** @type {[any, any, object][]} */ ([
    [{ ...rest, encryptedData: flipped }, privateKey, {}],
    [bundle, quoting, {}],
    [bundle, other, {}],
    [{ ...bundle, wasmHash: "00".repeat(32), signature: undefined }, privateKey, { publisherKey: undefined, allowUnsigned: true }],
    [bundle, privateKey, { maxPages: 1 }],
    [bundle, null, { domainKey: domainKey.slice(1) }],
    [{ ...bundle, domainWrappedKeys: [] }, null, { domainKey }],
  ]);
  for (const [what, by, options] of attempts) {
    const error = await loadMarketplacePlugin(what, by, { publisherKey, ...options }).then(
      () => assert.fail("it opened"),
      (error) => error,
    );
    assert.ok(error instanceof SealpostError, String(error));
    holdsNone(everything(error) + error.stack + JSON.stringify(error), [...secrets, other]);
  }
});
