import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { deriveDomainKey, signBundle, wrapMarketplaceDEK } from "@sealpost/plugin-sdk";

import { SealpostError, loadMarketplacePlugin } from "../index.js";
import { assemble } from "./kit/modules.js";
import { buyer, domain, kek, pluginId, secret, sold } from "./kit/selling.js";

/** A plugin that tells when it is started. */
const telling = assemble(`(module (import "env" "started" (func $started)) (start $started))`);

const { wallet } = await buyer();
const { bundle, publisherKey, sealed, dek, domainKey } = await sold(wallet, { wasm: telling, manifest: { name: "Telling" } });
const envelope = /** @type {import("@sealpost/plugin-sdk").Envelope} */ (bundle.buyerWrappedKeys[0]);

/**
 * @param {any} changed
 * @param {import("../index.js").LoadOptions} [options]
 * @param {any} [by]
 */
async function attempt(changed, options = { publisherKey }, by = wallet) {
  let starts = 0;
  const imports = { env: { started: () => void starts++ } };
  try {
    await loadMarketplacePlugin(changed, by, { ...options, imports, allowImports: ["env.started"] });
  } catch (error) {
    assert.equal(starts, 0, "nothing was started");
    assert.ok(error instanceof SealpostError, String(error));
    assert.match(error.message, /\S+ \S+/, "a sentence");
    assert.match(error.hint, /\.$/, `${error.code} has a hint`);
    return error.code;
  }
  assert.equal(starts, 1);
  return "opened";
}

const flipped = (/** @type {string} */ hex) => (hex.startsWith("0") ? "1" : "0") + hex.slice(1);
const flippedBase64 = (/** @type {string} */ text) => (text.startsWith("A") ? "B" : "A") + text.slice(1);

it("what was not changed opens", async () => {
  assert.equal(await attempt(bundle), "opened");
});

describe("a changed blob is refused", () => {
  it("at every place", async () => {
    for (const at of [0, 11, 12, sealed.length >> 1, sealed.length - 16, sealed.length - 1]) {
      const changed = sealed.slice();
      changed[at] = Number(changed[at]) ^ 1;
      assert.equal(await attempt({ ...bundle, encryptedData: changed }), "blob_corrupt", `${at}`);
    }
  });

  it("at every length", async () => {
    for (const length of [0, 27]) {
      assert.equal(await attempt({ ...bundle, encryptedData: sealed.slice(0, length) }), "blob_format");
    }
    for (const length of [28, sealed.length - 1]) {
      assert.equal(await attempt({ ...bundle, encryptedData: sealed.slice(0, length) }), "blob_corrupt");
    }
    assert.equal(await attempt({ ...bundle, encryptedData: new Uint8Array([...sealed, 0]) }), "blob_corrupt");
  });

  it("under a hash of the sealed blob", async () => {
    const blobSha256 = Buffer.from(await crypto.subtle.digest("SHA-256", sealed)).toString("hex");
    assert.equal(await attempt({ ...bundle, blobSha256 }), "opened");
    assert.equal(await attempt({ ...bundle, blobSha256: flipped(blobSha256) }), "blob_wrong_hash");
  });

  it("when it was read as text", async () => {
    const text = new TextDecoder().decode(sealed);
    assert.equal(await attempt({ ...bundle, encryptedData: text }), "blob_format");
  });

  it("when it is too large or none", async () => {
    assert.equal(await attempt(bundle, { publisherKey, maxBytes: sealed.length - 1 }), "blob_too_large");
    assert.equal(await attempt({ ...bundle, encryptedData: undefined }), "bundle_no_data");
    assert.equal(await attempt({ ...bundle, encryptedData: 7 }), "bundle_malformed");
  });
});

describe("a changed envelope is refused", () => {
  for (const [name, change, expected] of /** @type {[string, object, string][]} */ ([
    ["wrapped key", { wrappedDEK: flippedBase64(envelope.wrappedDEK) }, "bundle_not_for_us"],
    ["ephemeral key", { ephemeralPub: envelope.ephemeralPub.replace(/^../, (/** @type {string} */ parity) => (parity === "02" ? "03" : "02")).replace(/..$/, "00") }, "bundle_not_for_us"],
    ["salt", { salt: flipped(envelope.salt) }, "bundle_not_for_us"],
    ["curve", { curve: "p256" }, "bundle_no_envelope"],
    ["unknown curve", { curve: "p521" }, "bundle_malformed"],
    ["short wrapped key", { wrappedDEK: envelope.wrappedDEK.slice(4) }, "bundle_malformed"],
  ])) {
    it(name, async () => {
      assert.equal(await attempt({ ...bundle, buyerWrappedKeys: [{ ...envelope, ...change }] }), expected);
    });
  }

  it("another plugin's", async () => {
    const other = await wrapMarketplaceDEK(dek, String(wallet.publicKey), "com.publisher.other");
    assert.equal(await attempt({ ...bundle, buyerWrappedKeys: [other] }), "bundle_not_for_us");
  });

  it("none at all", async () => {
    assert.equal(await attempt({ ...bundle, buyerWrappedKeys: [] }), "bundle_no_envelope");
  });
});

describe("a changed statement is refused", () => {
  for (const [name, change, expected] of /** @type {[string, object, string][]} */ ([
    ["signature", { signature: flipped(bundle.signature) }, "release_bad_signature"],
    ["no signature", { signature: undefined }, "release_unsigned"],
    ["plugin id", { pluginId: "com.publisher.other" }, "release_bad_signature"],
    ["version", { version: "1.0.1" }, "release_bad_signature"],
    ["manifest", { manifest: { name: "Telling", permissions: ["log"] } }, "release_bad_signature"],
    ["hash", { wasmHash: flipped(bundle.wasmHash) }, "release_bad_signature"],
    ["no hash", { wasmHash: undefined }, "release_incomplete"],
    ["CID", { cid: "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy" }, "release_bad_signature"],
    ["publisher", { publisher: "11".repeat(32) }, "release_wrong_publisher"],
    ["short publisher", { publisher: "11" }, "bundle_malformed"],
  ])) {
    it(name, async () => assert.equal(await attempt({ ...bundle, ...change }), expected));
  }

  it("that anybody may sign: found as damage", async () => {
    const changed = { ...bundle, version: "1.0.1" };
    assert.equal(await attempt(changed, { allowUnsigned: true }), "release_bad_signature");
    assert.equal(await attempt(bundle, { allowUnsigned: true }), "opened");
  });

  it("signed anew by somebody else", async () => {
    const { publisher: _, signature: __, ...unsigned } = bundle;
    const forged = await signBundle(unsigned, crypto.getRandomValues(new Uint8Array(32)));
    assert.equal(await attempt(forged), "release_wrong_publisher");
    assert.equal(await attempt(forged, { allowUnsigned: true }), "opened");
    assert.equal(await attempt({ ...forged, publisher: publisherKey }), "release_bad_signature");
  });

  it("whose publisher nobody named", async () => {
    assert.equal(await attempt(bundle, {}), "bad_argument");
  });

  it("whose plugin is another than the one sealed", async () => {
    const { publisher: _, signature: __, ...unsigned } = bundle;
    assert.equal(await attempt({ ...unsigned, wasmHash: flipped(bundle.wasmHash) }, { allowUnsigned: true }), "bundle_wrong_hash");
  });
});

describe("somebody else is refused", () => {
  it("with another wallet, of whatever curve", async () => {
    assert.equal(await attempt(bundle, { publisherKey }, (await buyer()).wallet), "bundle_not_for_us");
    assert.equal(await attempt(bundle, { publisherKey }, (await buyer("x25519")).wallet), "bundle_no_envelope");
    assert.equal(await attempt(bundle, { publisherKey }, (await buyer()).privateKey), "bundle_not_for_us");
    assert.equal(await attempt(bundle, { publisherKey }, null), "bad_argument");
    assert.equal(await attempt(bundle, { publisherKey }, 7), "bad_argument");
  });

  it("with a wallet that does not answer, whose words are not passed on", async () => {
    const silent = { ...wallet, ecdh: async () => { throw new Error(`no: ${wallet.publicKey}`); } };
    assert.equal(await attempt(bundle, { publisherKey }, silent), "envelope_key_holder");
    for (const answer of [undefined, new Uint8Array(31), "x", new Uint8Array(65)]) {
      assert.equal(await attempt(bundle, { publisherKey }, { ...wallet, ecdh: async () => answer }), "envelope_key_holder");
    }
  });

  it("with the key of another domain, epoch or plugin", async () => {
    for (const key of [
      await deriveDomainKey(secret, "elsewhere.example.com", pluginId, kek),
      await deriveDomainKey(secret, domain, pluginId, { version: 2, epoch: 8 }),
      await deriveDomainKey(secret, domain, "com.publisher.other", kek),
    ]) {
      assert.equal(await attempt(bundle, { publisherKey, domainKey: key }, null), "domain_not_for_us");
    }
    assert.equal(await attempt(bundle, { publisherKey, domainKey: "abc" }, null), "bad_argument");
    assert.equal(await attempt({ ...bundle, domainWrappedKeys: [] }, { publisherKey, domainKey }, null), "bundle_no_domains");
  });
});

describe("on a page", () => {
  /** @param {string} hostname @param {() => Promise<void>} work */
  async function on(hostname, work) {
    Object.defineProperty(globalThis, "location", { value: { hostname, href: `https://${hostname}/` }, configurable: true });
    try {
      await work();
    } finally {
      Reflect.deleteProperty(globalThis, "location");
    }
  }

  it("of the domain, its key opens in any spelling of the name", async () => {
    await on(domain, async () => {
      assert.equal(await attempt(bundle, { publisherKey, domainKey, domain }, null), "opened");
      assert.equal(await attempt(bundle, { publisherKey, domainKey, domain: "APP.example.com" }, null), "opened");
    });
  });

  it("of another host, nothing opens by a domain's key", async () => {
    for (const host of ["example.com", "app.example.com.evil.example", "localhost", "127.0.0.1"]) {
      await on(host, async () => {
        assert.equal(await attempt(bundle, { publisherKey, domainKey, domain }, null), "domain_wrong_host", host);
      });
    }
  });
});

it("a bundle that is none is refused", async () => {
  for (const nonsense of [null, 7, "", "{", "[]", "null", {}, { pluginId: 7 }, { ...bundle, buyerWrappedKeys: "x" }]) {
    assert.equal(await attempt(nonsense), "bundle_malformed", JSON.stringify(nonsense));
  }
});
