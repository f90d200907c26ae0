import { fromHex, readBundle, verifyBundle, verifyLicence } from "@sealpost/plugin-sdk";

import { compile } from "./compile.js";
import { fail } from "./fail.js";
import { verifyPluginHash } from "./hash.js";
import { runningOn } from "./host.js";
import { Instance } from "./plugin.js";
import { openSealed } from "./sealed.js";
import { fetchSealed } from "./source.js";
import { unlock } from "./unlock.js";

/** @typedef {import("@sealpost/plugin-sdk").Bundle} Bundle */
/** @typedef {import("@sealpost/plugin-sdk").Envelope} Envelope */
/** @typedef {import("@sealpost/plugin-sdk").Licence} Licence */
/** @typedef {import("@sealpost/plugin-sdk").WalletLike} WalletLike */
/** @typedef {import("./compile.js").LimitOptions} LimitOptions */
/** @typedef {import("./imports.js").ImportOptions} ImportOptions */
/** @typedef {import("./source.js").BlobSource} BlobSource */
/** @typedef {import("./source.js").SourceOptions} SourceOptions */

/**
 * A bundle as a store, a file or a purchase gives it: `buyerWrappedKeys` or a single `envelope`, and the sealed plugin
 * itself (`encryptedData`) or where it is.
 *
 * @typedef {Partial<Omit<Bundle, keyof BlobSource>> & { pluginId: string, envelope?: Envelope, encryptedPayload?: string } & BlobSource} LoadableBundle
 *
 * @typedef {object} TrustOptions
 * @property {string | Uint8Array | null} [publisherKey] the publisher's Ed25519 key, as recorded at purchase: the bundle has to be
 *   signed by it
 * @property {boolean} [allowUnsigned] takes a bundle of anybody. A signature it has is still checked, against the key
 *   it comes with: that finds damage and no forgery
 * @property {boolean} [allowMissingHash] takes an unsigned bundle without `wasmHash`: what it opens to is then vouched
 *   for by its key and the tag of AES-256-GCM alone
 *
 * @typedef {object} KeyOptions
 * @property {Uint8Array | ArrayBuffer | string} [domainKey] the key of one domain, plugin and epoch: 32 bytes, or hex
 * @property {string} [domain] the domain that key is for: the page has to be on it
 *
 * @typedef {object} LicenceOptions
 * @property {Licence | string | Uint8Array} [licence] a plugin licence (`$PLK`), as JSON or FlatBuffer: it has to allow
 *   this use, and the bundle is then opened by the key it names or by `domainKey`
 * @property {string | Uint8Array} [issuerKey] the Ed25519 key that licences are trusted to be signed by
 * @property {number} [activations] how many other devices use the licence already (default 0)
 * @property {number} [now] the time in Unix seconds (default: the clock's)
 *
 * @typedef {TrustOptions & KeyOptions & LicenceOptions & ImportOptions & LimitOptions & SourceOptions} LoadOptions
 */

/**
 * A plugin that runs.
 *
 * @typedef {object} MarketplacePlugin
 * @property {Readonly<Record<string, unknown>>} manifest what the publisher says about it
 * @property {WebAssembly.Exports} exports what the module exports, as it is
 * @property {(name: string, ...args: unknown[]) => any} call calls a function and waits for its end: run plugins that
 *   take long in a worker. A function that the manifest declares takes and gives what is said there: numbers, BigInts,
 *   Uint8Arrays, text, JSON values. Others take and give numbers as they are
 * @property {() => Promise<void>} restart starts it anew with fresh memory, such as after a trap
 * @property {() => void} dispose lets go of module and memory; later calls fail with `plugin_disposed`
 */

/**
 * Opens a plugin that was bought, and starts it. Whatever fails, nothing of it has run.
 *
 * @param {LoadableBundle | string} bundle or its JSON
 * @param {WalletLike | null | undefined} wallet what it was bought for; none where `options.domainKey` opens it
 * @param {LoadOptions} [options]
 * @returns {Promise<MarketplacePlugin>}
 */
export async function loadMarketplacePlugin(bundle, wallet, options = {}) {
  const { read, source } = parse(bundle);
  await checkTrust(read, options);
  const domain = runningOn(options.domain);
  const licence = await checkLicence(read, domain, options);
  const key = await unlock(read, { wallet, licence, domainKey: domainKeyBytes(options.domainKey) });
  const sealed = await fetchSealed(source, options);
  const wasm = await openSealed(sealed, key);
  // At the same time, because both take long. Nothing runs before both are done, and a wrong hash is told first.
  const hashed = checkHash(wasm, read.wasmHash);
  const compiled = compile(wasm, read.manifest, options);
  await Promise.allSettled([hashed, compiled]);
  await hashed;
  const instance = new Instance(await compiled);
  await instance.start();
  return Object.freeze({
    manifest: read.manifest,
    get exports() {
      return instance.exports;
    },
    call: (/** @type {string} */ name, /** @type {unknown[]} */ ...args) => instance.call(name, args),
    restart: () => instance.start(),
    dispose: () => instance.dispose(),
  });
}

/**
 * A copy of the bundle that nobody else can change, and where its blob is.
 *
 * @param {LoadableBundle | string} input
 * @returns {{ read: Bundle, source: BlobSource }}
 */
function parse(input) {
  const found = typeof input === "string" ? parseJson(input) : input;
  if (typeof found !== "object" || found === null) throw fail("bundle_malformed", "the bundle cannot be read: it is no object");
  const { encryptedData, encryptedPayload, ...rest } = found;
  const read = readBundle(rest);
  const { blobUrl, url, cid, blobSha256 } = found;
  return {
    read: { ...read, manifest: frozen(structuredClone(read.manifest)) },
    source: { encryptedData: encryptedData ?? encryptedPayload, blobUrl, url, cid, blobSha256 },
  };
}

/**
 * @param {string} text
 * @returns {LoadableBundle}
 */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw fail("bundle_malformed", "the bundle cannot be read: it is not JSON");
  }
}

/**
 * @param {Bundle} bundle
 * @param {TrustOptions} options
 */
async function checkTrust(bundle, { publisherKey, allowUnsigned = false, allowMissingHash = false }) {
  const anybody = !publisherKey && !allowUnsigned;
  if (anybody && !bundle.signature) throw fail("release_unsigned", "the release is not signed");
  await verifyBundle(bundle, { publisherKey: publisherKey ?? undefined, allowUnsigned });
  if (bundle.wasmHash || allowMissingHash) return;
  throw fail(
    "bundle_no_hash",
    "the bundle does not say by `wasmHash` what it opens to",
    "Ask the publisher for a bundle with `wasmHash`, or say `allowMissingHash: true` on purpose.",
  );
}

/**
 * @param {Bundle} bundle
 * @param {string | undefined} domain
 * @param {LicenceOptions} options
 */
async function checkLicence({ pluginId, version }, domain, { licence, issuerKey = "", activations, now }) {
  if (licence === undefined) return undefined;
  const usage = { pluginId, pluginVersion: version || undefined, domain, activations, now };
  return verifyLicence(licence, issuerKey, usage);
}

/**
 * @param {Uint8Array<ArrayBuffer>} wasm
 * @param {string} [expected]
 */
async function checkHash(wasm, expected) {
  if (!expected || (await verifyPluginHash(wasm, expected))) return;
  throw fail("bundle_wrong_hash", "the opened plugin is not the one the bundle names");
}

/**
 * A copy, which the caller's own is erased without.
 *
 * @param {KeyOptions["domainKey"]} key
 * @returns {Uint8Array<ArrayBuffer> | undefined}
 */
function domainKeyBytes(key) {
  if (key === undefined) return undefined;
  const bytes = typeof key === "string" ? fromHex(key) : new Uint8Array(key).slice();
  if (bytes?.length === 32) return bytes;
  throw fail("bad_argument", "`domainKey` is not 32 bytes, or 64 hex digits");
}

/**
 * @template T
 * @param {T} value
 * @returns {T}
 */
function frozen(value) {
  if (typeof value !== "object" || value === null) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
