import assert from "node:assert/strict";
import { test } from "node:test";

import {
  checkLicenceSignature,
  deriveDomainKey,
  licenceJson,
  readLicence,
  signLicence,
  verifyLicence,
  walletFromPrivateKey,
  wrapForDomain,
  wrapMarketplaceDEK,
} from "../index.js";
import { toBase64 } from "../src/base64.js";
import { toHex } from "../src/bytes.js";
import { fromEd25519 } from "../src/curves/curve25519.js";
import { readSigner } from "../src/signature.js";
import { refused } from "./support/errors.js";
import { bytes, vectors } from "./support/vectors.js";

const NOW = 1_790_000_000;
const PLUGIN = "com.publisher.my-plugin";
const USAGE = { pluginId: PLUGIN, pluginVersion: "1.2.3", domain: "app.example.com", activations: 2, now: NOW };
const SEED = new Uint8Array(32).fill(3);
const STRANGER = new Uint8Array(32).fill(9);
const DEK = new Uint8Array(32).fill(4);

/** @typedef {import("../src/plk/fields.js").Licence} Licence */

test("licences signed elsewhere verify, and ours have the same signature", async () => {
  const { issuer_public, issuer_seed, licences } = vectors("plk.json");
  assert.equal(licences.length, 3);
  for (const { json } of licences) {
    const licence = readLicence(json);
    await checkLicenceSignature(licence, issuer_public);
    assert.equal(licenceJson(licence), json);
    const { SIGNATURE: _, ISSUER_PUBKEY: __, ...unsigned } = licence;
    assert.deepEqual(await signLicence(unsigned, bytes(issuer_seed)), licence);
    assert.deepEqual(readLicence(new TextEncoder().encode(` ${json}\n`)), licence);
    assert.deepEqual(readLicence(JSON.parse(json)), licence);
  }
  await verifyLicence(licences[0].json, bytes(issuer_public), USAGE);
});

test("FlatBuffers of flatc and of JavaScript are read", () => {
  let read = 0;
  for (const { json, flatc, flatc_size_prefixed, javascript } of vectors("plk.json").licences) {
    for (const written of [flatc, flatc_size_prefixed, javascript, javascript.slice(8)]) {
      assert.deepEqual(readLicence(bytes(written)), readLicence(json));
      read++;
    }
  }
  assert.equal(read, 12);
});

test("a changed or cut FlatBuffer is refused, or says the same", async () => {
  const { issuer_public, licences } = vectors("plk.json");
  const written = bytes(licences[0].flatc_size_prefixed);
  const expected = readLicence(licences[0].json);
  let same = 0;
  for (let at = 0; at < written.length; at++) {
    for (const to of [0, 0xff, written[at] ^ 1, written[at] + 1]) {
      const changed = written.slice();
      changed[at] = to;
      try {
        const licence = readLicence(changed);
        if (licence.SIGNATURE !== expected.SIGNATURE || licenceJson(licence) === licenceJson(expected)) same++;
        else await assert.rejects(checkLicenceSignature(licence, issuer_public));
      } catch (error) {
        assert.match(String(/** @type {any} */ (error).code), /^plk_/);
      }
    }
    assert.throws(() => readLicence(written.slice(0, at)), /./);
  }
  assert.ok(same > 0);
  assert.throws(() => readLicence(Uint8Array.of(...written, 0)), refused("plk_not_plk"));
  assert.throws(() => readLicence(new Uint8Array()), refused("plk_not_plk"));
  assert.throws(() => readLicence(new Uint8Array((64 << 10) + 1)), refused("plk_too_large"));
});

test("each reason to refuse a use has its own code", async () => {
  const { signed, issuer } = await signedLicence();
  const code = (/** @type {object} */ change, /** @type {string} */ expected) =>
    assert.rejects(verifyLicence(signed, issuer, { ...USAGE, ...change }), refused(expected));
  await verifyLicence(signed, issuer, USAGE);
  await code({ pluginId: "other" }, "plk_wrong_plugin");
  await code({ pluginVersion: "1.2.4" }, "plk_wrong_version");
  await code({ pluginVersion: undefined }, "plk_wrong_version");
  await code({ domain: "example.com" }, "plk_wrong_domain");
  await code({ domain: undefined }, "plk_wrong_domain");
  await code({ domain: "https://app.example.com/" }, "domain_is_url");
  await code({ activations: 3 }, "plk_activations");
  await code({ now: NOW + 1000 }, "plk_expired");
  await code({ now: NOW - 11 }, "plk_not_yet_valid");
  await code({ now: NOW - 101 - 120 }, "plk_from_the_future");
  await code({ now: NaN }, "bad_argument");
  await code({ activations: -1 }, "bad_argument");
  await verifyLicence(signed, issuer, { ...USAGE, now: NOW + 999.9 });
});

test("who signed is decided by the reader", async () => {
  const { signed, issuer } = await signedLicence();
  const stranger = await readSigner(STRANGER);
  const check = (/** @type {Licence} */ licence, key = issuer) => verifyLicence(licence, key, USAGE);
  await assert.rejects(check(signed, stranger.publicKey), refused("plk_wrong_issuer"));
  await assert.rejects(check(await signLicence(licence(), STRANGER)), refused("plk_wrong_issuer"));
  await assert.rejects(check(licence()), refused("plk_unsigned"));
  const claimed = { ...(await signLicence(licence(), STRANGER)), ISSUER_PUBKEY: signed.ISSUER_PUBKEY };
  await assert.rejects(check(claimed), refused("plk_bad_signature"));
  await assert.rejects(check({ ...signed, ISSUER_PUBKEY: undefined }), refused("plk_wrong_issuer"));
});

test("the issuer may be named by the X25519 counterpart of its key", async () => {
  const { sign, publicKey } = await readSigner(SEED);
  const counterpart = toHex(await fromEd25519(bytes(publicKey)));
  const unsigned = readLicence({ ...licence(), ISSUER_PUBKEY: counterpart });
  const message = new TextEncoder().encode(`sealpost-plk-v1\n${licenceJson(unsigned)}`);
  const signed = { ...unsigned, SIGNATURE: await sign(message) };
  await verifyLicence(signed, publicKey, USAGE);
  await assert.rejects(
    verifyLicence(signed, (await readSigner(STRANGER)).publicKey, USAGE),
    refused("plk_wrong_issuer"),
  );
});

test("limits end where they say", async () => {
  const good = async (/** @type {object} */ change, usage = {}) => {
    const { signed, issuer } = await signedLicence(change);
    return verifyLicence(signed, issuer, { ...USAGE, ...usage }).then(
      () => true,
      () => false,
    );
  };
  assert.ok(await good({ EXPIRES_AT: "0" }, { now: Number.MAX_SAFE_INTEGER }));
  const atOnce = { VALID_FROM: licence().ISSUED_AT };
  assert.ok(await good(atOnce, { now: NOW - 100 - 120 }));
  assert.ok(!(await good(atOnce, { now: NOW - 100 - 121 })));
  assert.ok(await good({ MAX_ACTIVATIONS: 0 }, { activations: 2 ** 32 }));
  assert.ok(await good({ PLUGIN_VERSION: undefined }, { pluginVersion: undefined }));
});

test("a version is met exactly, and a range by what lies in it", async () => {
  const { allowsVersion } = await import("../src/plk/range.js");
  const cases = {
    "1.2.3": [["1.2.3"], ["1.3.0", "1.2.4", "1.2.3-a"]],
    "^1.2": [
      ["1.2.0", "1.9.0"],
      ["2.0.0", "1.1.9", "1.3.0-a"],
    ],
    1.2: [
      ["1.2.0", "1.9.0"],
      ["2.0.0", "1.1.9"],
    ],
    1: [
      ["1.0.0", "1.9.9"],
      ["0.9.0", "2.0.0"],
    ],
    "^0.2.3": [
      ["0.2.3", "0.2.9"],
      ["0.3.0", "0.2.2"],
    ],
    "^0.0.3": [["0.0.3"], ["0.0.4", "0.1.0"]],
    "^0.0": [["0.0.9"], ["0.1.0"]],
    0: [["0.9.9"], ["1.0.0"]],
    "~1.2.3": [
      ["1.2.3", "1.2.9"],
      ["1.3.0", "1.2.2"],
    ],
    "~1.2": [["1.2.0", "1.2.9"], ["1.3.0"]],
    "~1": [["1.0.0", "1.9.0"], ["2.0.0"]],
    ">=1.2, <3": [
      ["1.2.0", "2.5.1"],
      ["3.0.0", "1.1.9", "2.0.0-a"],
    ],
    ">1.2": [
      ["1.3.0", "2.0.0"],
      ["1.2.0", "1.2.9"],
    ],
    "<=1.2": [["1.2.9", "0.1.0"], ["1.3.0"]],
    "<1.2.3": [["1.2.2"], ["1.2.3", "1.2.3-a"]],
    "=1.2": [["1.2.7"], ["1.3.0"]],
    "1.*": [["1.0.7"], ["2.0.0", "1.0.0-a"]],
    "1.2.x": [["1.2.7"], ["1.3.0"]],
    "1.*.*": [["1.5.7"], ["2.0.0"]],
    "*": [["0.0.1", "9.9.9"], ["1.0.0-a"]],
    ">=1.0.0-rc.2": [
      ["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-rc.x", "1.0.0", "2.0.0"],
      ["1.0.0-rc.1", "1.0.0-beta", "2.0.0-a"],
    ],
    "^1.0.0-a.1": [
      ["1.0.0-a.1.0", "1.0.0-b"],
      ["1.0.0-a", "1.1.0-b"],
    ],
    "1.2.3+build": [["1.2.3+build"], ["1.2.3"]],
    "spring edition": [["spring edition"], ["1.0.0"]],
    "=1.0.0,": [[], ["1.0.0"]],
    ">=01.0.0": [[], ["1.0.0"]],
    "1.*.3": [[], ["1.1.3"]],
    "1.2-a": [[], ["1.2.0-a", "1.2.0"]],
    "*, 1": [[], ["1.0.0"]],
    " > 1.2.3 , < 2 ": [["1.2.4"], ["2.0.0"]],
    "": [[""], ["1.0.0"]],
    "^18446744073709551616": [[], ["18446744073709551616.0.0"]],
    "^18446744073709551615": [["18446744073709551615.0.0"], []],
  };
  for (const [allowed, [inside, outside]] of Object.entries(cases)) {
    for (const version of inside) assert.ok(allowsVersion(allowed, version), `${allowed} has ${version}`);
    for (const version of outside) assert.ok(!allowsVersion(allowed, version), `${allowed} has no ${version}`);
  }
});

test("domains are compared in one spelling, and endings at a dot", async () => {
  const lists = { ALLOWED_DOMAINS: ["App.Example.com", "Bücher.example"], ALLOWED_TLDS: [".GOV", "co.uk"] };
  const { signed, issuer } = await signedLicence(lists);
  assert.deepEqual(signed.ALLOWED_DOMAINS, ["app.example.com", "xn--bcher-kva.example"]);
  assert.deepEqual(signed.ALLOWED_TLDS, ["gov", "co.uk"]);
  for (const domain of ["APP.example.COM", "bücher.example", "nasa.gov", "a.b.gov", "shop.co.uk"]) {
    await verifyLicence(signed, issuer, { ...USAGE, domain });
  }
  for (const domain of [
    "evil-app.example.com",
    "example.com",
    "gov",
    "nasagov",
    "co.uk",
    "uk",
    "nasa.gov.example",
    "",
  ]) {
    await assert.rejects(verifyLicence(signed, issuer, { ...USAGE, domain }), domain);
  }
  const unbound = await signedLicence({ ALLOWED_DOMAINS: [], ALLOWED_TLDS: undefined });
  await verifyLicence(unbound.signed, issuer, { ...USAGE, domain: undefined });
});

test("what could never be used is not signed", async () => {
  const cases = [
    [{ LICENSE_ID: "" }, "plk_field"],
    [{ LICENSEE_ORG: "" }, "plk_field"],
    [{ LICENSEE_PUBKEY: "00".repeat(32) }, "plk_field"],
    [{ EXPIRES_AT: String(NOW - 10) }, "plk_field"],
    [{ ALLOWED_DOMAINS: ["*.example.com"] }, "domain_wildcard"],
    [{ ALLOWED_DOMAINS: [""] }, "plk_field"],
    [{ ALLOWED_TLDS: ["."] }, "domain_invalid"],
    [{ ALLOWED_DOMAINS: Array(6000).fill("a.example") }, "plk_too_large"],
    [{ LICENSEE_ORG: "\ud800" }, "plk_malformed"],
    [{ EXTRA: 1 }, "plk_malformed"],
  ];
  for (const [change, code] of cases) {
    const bad = /** @type {Licence} */ ({ ...licence(), .../** @type {object} */ (change) });
    await assert.rejects(signLicence(bad, SEED), refused(/** @type {string} */ (code)));
  }
});

test("JSON has one meaning", async () => {
  const json = licenceJson((await signedLicence()).signed);
  const changed = [
    json.replace('{"ALLOWED', '{"EXTRA":1,"ALLOWED'),
    json.replace('"PLUGIN_ID":', '"PLUGIN_ID":"other","PLUGIN_ID":'),
    json.replace('"PLUGIN_ID":', '"PLUGIN\\u005fID":"other","PLUGIN_ID":'),
    json.replace('"MAX_ACTIVATIONS":3', '"MAX_ACTIVATIONS":"3"'),
    json.replace('"MAX_ACTIVATIONS":3', '"MAX_ACTIVATIONS":3.0'),
    json.replace('"MAX_ACTIVATIONS":3', '"MAX_ACTIVATIONS":30e-1'),
    json.replace('"MAX_ACTIVATIONS":3,', ""),
    json.replace('"ISSUED_AT":"', '"ISSUED_AT":"0'),
    json.replace("Enterprise", "enterprise"),
    json.replace('SIGNATURE":"', 'SIGNATURE":"00'),
    json.replace(/"SIGNATURE":"[0-9a-f]+"/, (field) => field.toUpperCase()),
    `${json}x`,
    `[${json}]`,
    "null",
  ];
  for (const text of changed) {
    assert.notEqual(text, json);
    assert.throws(() => readLicence(text), refused("plk_malformed"), text);
  }
  assert.throws(() => readLicence(json.replace(PLUGIN, "")), refused("plk_field"));
  assert.throws(() => readLicence(" ".repeat((64 << 10) + 1)), refused("plk_too_large"));
  const quoted = licence();
  quoted.LICENSEE_ORG = 'a "quoted\\": 1.5 name';
  assert.equal(readLicence(licenceJson(quoted)).LICENSEE_ORG, quoted.LICENSEE_ORG);
});

test("a flipped bit anywhere in a signed licence is refused", async () => {
  const { signed, issuer } = await signedLicence();
  const json = new TextEncoder().encode(licenceJson(signed));
  for (let at = 0; at < json.length; at++) {
    const changed = json.slice();
    changed[at] ^= 1 << (at % 7);
    await assert.rejects(async () => verifyLicence(changed, issuer, USAGE), String(at));
  }
});

test("a verified licence opens the envelope for its licensee", async () => {
  const secrets = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)];
  const [wallet, stranger] = await Promise.all(secrets.map((secret) => walletFromPrivateKey(secret, "x25519")));
  const curve = await walletFromPrivateKey(secrets[0], "p256");
  const { signed, issuer } = await signedLicence({ LICENSEE_PUBKEY: wallet.publicKey });
  const verified = await verifyLicence(signed, issuer, USAGE);
  const wrap = (/** @type {typeof wallet} */ to, plugin = PLUGIN) =>
    wrapMarketplaceDEK(DEK, to.publicKey, plugin, { curve: to.curve });
  const envelopes = await Promise.all([wrap(stranger), wrap(curve), wrap(wallet, "other"), wrap(wallet)]);
  assert.deepEqual(await verified.openWithLicenseeKey(envelopes, wallet), DEK);
  await assert.rejects(verified.openWithLicenseeKey(envelopes.slice(0, 3), wallet), refused("plk_no_envelope"));
  for (const other of [stranger, curve]) {
    await assert.rejects(verified.openWithLicenseeKey(envelopes, other), refused("plk_wrong_key"));
  }
  const silent = (/** @type {typeof wallet} */ { curve, ecdh }) => ({ curve, ecdh });
  const unnamed = { ...envelopes[3], salt: "01".repeat(32) };
  await assert.rejects(verified.openWithLicenseeKey([unnamed], silent(wallet)), refused("plk_no_envelope"));
  assert.deepEqual(await verified.openWithLicenseeKey(envelopes, silent(wallet)), DEK);
  await assert.rejects(verified.openWithLicenseeKey(envelopes, silent(stranger)), refused("plk_no_envelope"));
  const nameless = await signedLicence();
  const none = await verifyLicence(nameless.signed, issuer, USAGE);
  await assert.rejects(none.openWithLicenseeKey(envelopes, wallet), refused("plk_field"));
});

test("a verified licence opens the slot for its domain", async () => {
  const secret = new Uint8Array(32).fill(1);
  const keys = await Promise.all(
    ["a.example", "app.example.com", "b.example"].map((domain) => deriveDomainKey(secret, domain, PLUGIN)),
  );
  const slots = await Promise.all(keys.slice(0, 2).map(async (key) => toBase64(await wrapForDomain(DEK, key))));
  const { signed, issuer } = await signedLicence();
  const verified = await verifyLicence(signed, issuer, USAGE);
  assert.deepEqual(await verified.openWithDomainKey(slots, keys[1]), DEK);
  await assert.rejects(verified.openWithDomainKey(slots, keys[2]), refused("plk_no_domain_slot"));
});

/** @param {Partial<Licence>} [change] */
async function signedLicence(change) {
  const signed = await signLicence({ ...licence(), ...change }, SEED);
  return { signed, issuer: (await readSigner(SEED)).publicKey };
}

/** @returns {Licence} */
function licence() {
  return {
    LICENSE_ID: "lic_1",
    PLUGIN_ID: PLUGIN,
    PLUGIN_VERSION: "1.2.3",
    LICENSEE_ORG: "Example Org",
    ALLOWED_DOMAINS: ["app.example.com"],
    LICENSE_TYPE: "Enterprise",
    MAX_ACTIVATIONS: 3,
    ISSUED_AT: String(NOW - 100),
    VALID_FROM: String(NOW - 10),
    EXPIRES_AT: String(NOW + 1000),
  };
}
