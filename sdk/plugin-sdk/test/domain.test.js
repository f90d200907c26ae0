import assert from "node:assert/strict";
import { test } from "node:test";

import { deriveDomainKey, normaliseDomain, unwrapForDomain } from "../index.js";
import { fromBase64 } from "../src/base64.js";
import { toHex } from "../src/bytes.js";
import { refused } from "./support/errors.js";
import { bytes, vectors } from "./support/vectors.js";

test("version 1 is that of the public demo", async () => {
  const cases = vectors("domain-v1.json");
  assert.equal(cases.length, 168);
  let wrapped = 0;
  for (const { secret, domain, plugin_id, epoch, key, ...slot } of cases) {
    const derived = await deriveDomainKey(secret, domain, plugin_id, { version: 1, epoch: epoch ?? undefined });
    assert.equal(toHex(derived), key, `${domain} ${plugin_id} ${epoch}`);
    wrapped += await opens(derived, slot);
  }
  assert.ok(wrapped > 10);
});

test("version 2 is HKDF over the host as browsers name it", async () => {
  const cases = vectors("domain-v2.json");
  assert.equal(cases.length, 58);
  let wrapped = 0;
  for (const { secret, domain, host, plugin_id, epoch, key, ...slot } of cases) {
    assert.equal(normaliseDomain(domain), host);
    const derived = await deriveDomainKey(bytes(secret), domain, plugin_id, { version: 2, epoch });
    assert.equal(toHex(derived), key, `${domain} ${plugin_id} ${epoch}`);
    wrapped += await opens(derived, slot);
  }
  assert.ok(wrapped > 10);
});

test("what names more than a host, or a host that only browsers repair, is refused", () => {
  const cases = {
    domain_is_url: ["https://example.com", "example.com/", "me@example.com", "example.com?x", "example.com#x"],
    domain_port: ["example.com:80", "::1]", "[::1]:80", "1:2"],
    domain_trailing_dot: [".", "．", "example.com.", "example.com。"],
    domain_wildcard: ["*.example.com", "＊.example.com", "*"],
    domain_ipv4: ["127.1", "0x7f.0.0.1", "2130706433", "127.0.0.01", "256.1.1.1", "example.0x", "1.2.3.4.5"],
    domain_invalid: [
      "",
      "a..b",
      ".a",
      "a b",
      " a",
      "a\tb",
      "a\nb",
      "a%62",
      "a\\b",
      "[::1",
      "[",
      "xn--a",
      "ex^ample",
      "a|b",
      "a＃b",
      "\u{d800}",
      `${"a".repeat(64)}.com`,
      "a.".repeat(127) + "com",
    ],
  };
  for (const [code, domains] of Object.entries(cases)) {
    for (const domain of domains) assert.throws(() => normaliseDomain(domain), refused(code), domain);
  }
  assert.equal(normaliseDomain("１２７.0.0.1"), "127.0.0.1");
  assert.equal(normaliseDomain("::FFFF:1.2.3.4"), "[::ffff:102:304]");
});

test("secrets, plugin ids and epochs that mean nothing are refused", async () => {
  const secret = new Uint8Array(32).fill(7);
  await assert.rejects(deriveDomainKey("", "a.example", "p"), refused("domain_secret_empty"));
  await assert.rejects(deriveDomainKey("short", "a.example", "p"), refused("domain_secret_short"));
  await assert.rejects(deriveDomainKey(secret, "a.example", ""), refused("domain_plugin_id"));
  await assert.rejects(deriveDomainKey(secret, "a.example", "p\0q"), refused("domain_plugin_id"));
  await assert.rejects(deriveDomainKey(secret, "", "p", { version: 1 }), refused("domain_invalid"));
  for (const epoch of [-1, 1.5, 2 ** 53, "01", "", "1e3", (1n << 64n).toString()]) {
    await assert.rejects(deriveDomainKey(secret, "a.example", "p", { version: 2, epoch }), refused("bad_argument"));
  }
  const none = await deriveDomainKey(secret, "a.example", "p");
  assert.deepEqual(await deriveDomainKey(secret, "A.example", "p", { version: 2, epoch: "0" }), none);
});

/**
 * @param {Uint8Array} key
 * @param {{ dek?: string, wrapped?: string }} slot
 */
async function opens(key, { dek, wrapped }) {
  if (wrapped === undefined) return 0;
  assert.equal(toHex(await unwrapForDomain(/** @type {Uint8Array} */ (fromBase64(wrapped)), key)), dek);
  return 1;
}
