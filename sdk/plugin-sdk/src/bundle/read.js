import { fromBase64 } from "../base64.js";
import { fromHex, fromUtf8, isArrayBuffer, viewBytes } from "../bytes.js";
import { readDomainKek } from "../domain.js";
import { readEnvelope } from "../envelope.js";
import { SealpostError } from "../error.js";
import { SLOT } from "../gcm.js";

/** @typedef {import("../bytes.js").BytesLike} BytesLike */
/** @typedef {import("../domain.js").DomainKek} DomainKek */
/** @typedef {import("../envelope.js").Envelope} Envelope */

/**
 * A sealed plugin and the slots that open it.
 *
 * @typedef {object} Bundle
 * @property {string} pluginId such as `com.publisher.my-plugin`
 * @property {string} version such as `1.0.0`; empty where there is none
 * @property {Record<string, unknown>} manifest whatever the publisher says about it
 * @property {string | BytesLike} [encryptedData] `iv12 ‖ ct ‖ tag16`; base64 in JSON
 * @property {string} [cid] where the sealed plugin can be fetched
 * @property {string} [wasmHash] lower hex of the plaintext's SHA-256
 * @property {string[]} domainWrappedKeys the content key, wrapped for domains; slots carry no label
 * @property {DomainKek} [domainKek] how the domain keys are derived; none is version 1
 * @property {Envelope[]} buyerWrappedKeys the content key, wrapped for buyers
 * @property {string} [publisher] lower hex of the publisher's Ed25519 public key
 * @property {string} [signature] lower hex of the publisher's signature of the release
 */

/** Most slots of a kind: each may cost whoever opens the bundle an agreement. */
const SLOTS = 1 << 14;

/**
 * Reads a bundle: its JSON, or what `JSON.parse` made of it.
 *
 * Other names for the same things are read too (`wrappedDEKs`, a single `envelope`, the public demo's `encryptedPayload`
 * and `currentEpoch`). Other members are left out.
 *
 * @param {unknown} input text, bytes or an object
 * @returns {Bundle}
 */
export function readBundle(input) {
  const found = parse(input);
  const { pluginId, version = "", manifest = {}, cid } = found;
  if (typeof pluginId !== "string") throw malformed("`pluginId` is not text");
  // The public demo writes a number.
  const isNumber = Number.isSafeInteger(version) && /** @type {number} */ (version) >= 0;
  if (version !== null && typeof version !== "string" && !isNumber) throw malformed("`version` is not text");
  if (manifest !== null && (typeof manifest !== "object" || Array.isArray(manifest))) {
    throw malformed("`manifest` is not an object");
  }
  if (cid !== undefined && cid !== null && typeof cid !== "string") throw malformed("`cid` is not text");
  const slots = [...list(found, "domainWrappedKeys"), ...list(found, "wrappedDEKs")];
  const envelopes = [...list(found, "buyerWrappedKeys"), ...(isThere(found.envelope) ? [found.envelope] : [])];
  if (slots.length > SLOTS || envelopes.length > SLOTS) throw malformed(`at most ${SLOTS} slots of a kind are read`);
  if (slots.some((slot) => fromBase64(slot)?.length !== SLOT)) {
    throw malformed(`\`domainWrappedKeys\` are not base64 of ${SLOT} bytes each`);
  }
  const domainKek = kek(found);
  const encryptedData = sealed(found.encryptedData ?? found.encryptedPayload);
  const wasmHash = hex(found, "wasmHash", 32);
  const publisher = hex(found, "publisher", 32);
  const signature = hex(found, "signature", 64);
  return {
    pluginId,
    version: String(version ?? ""),
    manifest: /** @type {Record<string, unknown>} */ (manifest ?? {}),
    ...(encryptedData !== undefined && { encryptedData }),
    ...(typeof cid === "string" && { cid }),
    ...(wasmHash && { wasmHash }),
    domainWrappedKeys: /** @type {string[]} */ (slots),
    ...(domainKek && { domainKek }),
    buyerWrappedKeys: envelopes.map(envelope),
    ...(publisher && { publisher }),
    ...(signature && { signature }),
  };
}

/** @param {unknown} value */
const isThere = (value) => value !== undefined && value !== null;

/**
 * @param {unknown} input
 * @returns {Record<string, unknown>}
 */
function parse(input) {
  let value = input;
  if (isArrayBuffer(value) || ArrayBuffer.isView(value)) value = fromUtf8(viewBytes(value, "bundle"));
  if (typeof value === "string") {
    try {
      value = JSON.parse(value);
    } catch {
      throw malformed("it is not JSON");
    }
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed("it is not an object");
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * @param {Record<string, unknown>} found
 * @param {string} name
 * @returns {unknown[]}
 */
function list(found, name) {
  const value = found[name] ?? [];
  if (!Array.isArray(value)) throw malformed(`\`${name}\` is not a list`);
  return value;
}

/**
 * @param {Record<string, unknown>} found
 * @param {string} name
 * @param {number} length
 * @returns {string | undefined}
 */
function hex(found, name, length) {
  const value = found[name];
  if (value === undefined || value === null) return undefined;
  if (fromHex(value)?.length !== length) throw malformed(`\`${name}\` is not ${length} bytes in hex`);
  return /** @type {string} */ (value).toLowerCase();
}

/**
 * @param {Record<string, unknown>} found
 * @returns {DomainKek | undefined}
 */
function kek({ domainKek, currentEpoch }) {
  try {
    if (domainKek !== undefined && domainKek !== null) {
      const { version, epoch } = /** @type {DomainKek} */ (domainKek);
      if (version === 2 && (epoch === undefined || epoch === null)) throw malformed("");
      const read = epoch === null ? { version } : { version, epoch };
      readDomainKek(read);
      return /** @type {DomainKek} */ (epoch === undefined || epoch === null ? { version } : read);
    }
    if (currentEpoch === undefined || currentEpoch === null) return undefined;
    readDomainKek({ version: 1, epoch: currentEpoch });
    return { version: 1, epoch: /** @type {number} */ (currentEpoch) };
  } catch {
    throw malformed("`domainKek` is not `{version: 1 or 2, epoch}`");
  }
}

/**
 * @param {unknown} data
 * @returns {string | BytesLike | undefined}
 */
function sealed(data) {
  if (data === undefined || data === null) return undefined;
  if (typeof data === "string") return data;
  if (isArrayBuffer(data) || ArrayBuffer.isView(data)) return data;
  throw malformed("`encryptedData` is neither base64 nor bytes");
}

/**
 * @param {unknown} value
 * @returns {Envelope}
 */
function envelope(value) {
  try {
    readEnvelope(value);
  } catch (error) {
    throw malformed(`an envelope: ${error instanceof Error ? error.message : ""}`);
  }
  const { ephemeralPub, wrappedDEK, salt, curve } = /** @type {Envelope} */ (value);
  return { ephemeralPub, wrappedDEK, salt, curve };
}

/** @param {string} reason */
const malformed = (reason) => new SealpostError("bundle_malformed", `the bundle cannot be read: ${reason}`);
