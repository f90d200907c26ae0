// What a publisher signs about one version of a file: Ed25519 over "sealpost-release-v1\n" ‖ RFC 8785 JSON of
// {cid?, cipher, listing, manifest, plain_sha256, publisher, version}. A buyer checks it with the key recorded at purchase.

import { equalBytes, fromHex, utf8, viewBytes, viewOptions, viewRecord } from "./bytes.js";
import { canonicalJson } from "./canonical.js";
import { SealpostError } from "./error.js";
import { isSignature, readEd25519Key, readSigner } from "./signature.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./signature.js").Signer} Signer */

/**
 * One version of a file.
 *
 * @typedef {object} Release
 * @property {string} publisher lower hex of the publisher's Ed25519 public key
 * @property {string} listing the listing's id; for plugins the plugin id
 * @property {string} version such as `1.0.0`
 * @property {string} [cid] of the sealed blob, where it has one
 * @property {string} plain_sha256 lower hex of the plaintext's SHA-256: a plugin's `wasmHash`
 * @property {"aes-256-gcm" | "age" | "aes-256-cbc" | "fernet"} cipher
 * @property {Record<string, unknown>} manifest whole numbers below 10^21 lie within ±(2^53 - 1)
 */

/**
 * Whose word is taken: that of the key recorded at purchase, or anybody's. Then unsigned is fine, and a signature is
 * checked against the key it comes with, which finds damage but no forgery.
 *
 * @typedef {{ publisherKey?: string | Uint8Array, allowUnsigned?: boolean }} Trust
 */

const CONTEXT = "sealpost-release-v1\n";
const CIPHERS = ["aes-256-gcm", "age", "aes-256-cbc", "fernet"];
const MEMBERS = ["publisher", "listing", "version", "cid", "plain_sha256", "cipher", "manifest"];
/** Doubles from here on are written with an exponent, and read as doubles everywhere. */
const EXPONENT_FROM = 1e21;

/**
 * Signs a release with the publisher's key.
 *
 * @param {Omit<Release, "publisher"> & { publisher?: string }} release `publisher` is the signer's key
 * @param {Signer} signer
 * @returns {Promise<{ release: Release, publisher: string, signature: string }>} key and signature as lower hex
 */
export async function signRelease(release, signer) {
  const { publicKey, sign } = await readSigner(signer);
  const read = readRelease({ ...viewRecord(release, "release"), publisher: release.publisher ?? publicKey });
  if (read.publisher !== publicKey) throw wrongPublisher();
  return { release: read, publisher: publicKey, signature: await sign(releaseBytes(read)) };
}

/**
 * Checks a release that may be signed or not, as `trust` says.
 *
 * @param {Release} release
 * @param {string | Uint8Array | undefined | null} signature 64 bytes, or hex
 * @param {Trust} trust
 * @returns {Promise<void>}
 */
export async function verifyRelease(release, signature, trust) {
  const expected = readTrust(trust);
  const unsigned = signature === undefined || signature === null;
  if (unsigned && expected) throw new SealpostError("release_unsigned", "the release is not signed");
  if (unsigned) return;
  const read = readRelease(release);
  const publisher = /** @type {Bytes} */ (fromHex(read.publisher));
  if (expected && !equalBytes(expected, publisher)) throw wrongPublisher();
  const bytes = typeof signature === "string" ? fromHex(signature) : viewBytes(signature, "signature");
  if (!bytes || !(await isSignature(publisher, releaseBytes(read), bytes))) {
    throw new SealpostError("release_bad_signature", "the publisher's signature does not fit the release");
  }
}

/**
 * The bytes that are signed.
 *
 * @param {Release} release
 * @returns {Bytes}
 */
export function releaseBytes(release) {
  const read = readRelease(release);
  if (!isSameEverywhere(read.manifest)) {
    throw new SealpostError("release_number", "the manifest has a number that is not the same in every JSON library");
  }
  return utf8(CONTEXT + canonicalJson(read), "release");
}

/**
 * The key that counts; none where anybody's does. One of the two has to be said.
 *
 * @param {Trust | undefined} trust
 * @returns {Bytes | undefined}
 */
export function readTrust(trust) {
  const { publisherKey, allowUnsigned } = viewOptions(trust ?? {});
  if (publisherKey !== undefined && publisherKey !== null) return readEd25519Key(publisherKey, "publisherKey");
  if (allowUnsigned === true) return undefined;
  throw new SealpostError("bad_argument", "it was not said whose signature counts", {
    hint: "Give the `publisherKey` that was recorded at purchase, or say `allowUnsigned: true` on purpose.",
  });
}

/**
 * @param {unknown} input
 * @returns {Release}
 */
function readRelease(input) {
  const release = viewRecord(input, "release");
  const { publisher, listing, version, cid, plain_sha256, cipher, manifest } = release;
  const unknown = Object.keys(release).find((name) => !MEMBERS.includes(name));
  // The signature would not cover it.
  if (unknown !== undefined) throw malformed("it has a member that releases do not have");
  if (fromHex(publisher)?.length !== 32) throw malformed("`publisher` is not a key of 32 bytes in hex");
  if (fromHex(plain_sha256)?.length !== 32) throw malformed("`plain_sha256` is not 32 bytes in hex");
  if (typeof listing !== "string" || typeof version !== "string") throw malformed("`listing` and `version` are text");
  if (cid !== undefined && cid !== null && typeof cid !== "string") throw malformed("`cid` is not text");
  if (!CIPHERS.includes(/** @type {string} */ (cipher))) throw malformed("`cipher` is none that is known");
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest)) {
    throw malformed("`manifest` is not an object");
  }
  return /** @type {Release} */ ({
    publisher: /** @type {string} */ (publisher).toLowerCase(),
    listing,
    version,
    ...(typeof cid === "string" && { cid }),
    plain_sha256: /** @type {string} */ (plain_sha256).toLowerCase(),
    cipher,
    manifest,
  });
}

/**
 * @param {unknown} value
 * @returns {boolean}
 */
function isSameEverywhere(value) {
  if (typeof value === "number") return Math.abs(value) <= Number.MAX_SAFE_INTEGER || Math.abs(value) >= EXPONENT_FROM;
  if (typeof value === "object" && value !== null) return Object.values(value).every(isSameEverywhere);
  return true;
}

/** @param {string} reason */
const malformed = (reason) => new SealpostError("release_malformed", `the release cannot be read: ${reason}`);

const wrongPublisher = () =>
  new SealpostError("release_wrong_publisher", "the release names another publisher than the one expected");
