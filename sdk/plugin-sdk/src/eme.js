// Envelopes as `$EME` FlatBuffers, the encrypted message envelope of spacedatastandards.org: written in the layout of the npm
// package 1.0.197, size-prefixed; read with and without. Schema 1.0.4 moved fields without changing the identifier: what does
// not read as the former with a known cipher suite is read as the latter.

import { fromHex, toHex, utf8, viewBytes } from "./bytes.js";
import { canonicalJson, memberNames } from "./canonical.js";
import { readEnvelope, writeEnvelope } from "./envelope.js";
import { SealpostError } from "./error.js";
import { NotThatFormat, rootTable } from "./flatbuffer/read.js";
import { writeTable } from "./flatbuffer/write.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./bytes.js").BytesLike} BytesLike */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./envelope.js").Envelope} Envelope */
/** @typedef {import("./flatbuffer/read.js").Table} Table */

/** Most bytes of one record. */
const RECORD_BYTES = 16 << 10;
const IDENTIFIER = "$EME";
const INFO = "orbpro-marketplace:";
const ALGORITHM = '{"iv":12,"name":"AES-256-GCM","tag":16}';

/** @type {Record<Curve, string>} */
const NAMES = { ed25519: "Ed25519", p256: "P-256", p384: "P-384", secp256k1: "secp256k1", x25519: "X25519" };
const SUITES = new Map(
  Object.entries(NAMES).map(([curve, name]) => [`ECDH-${name}+HKDF-SHA256+AES-256-GCM`, /** @type {Curve} */ (curve)]),
);

/** The two published orders of fields; neither says which it is. */
const LAYOUTS = [
  ["ENCRYPTED_BLOB", "EPHEMERAL_PUBLIC_KEY", "MAC", "NONCE", "TAG", "IV"],
  ["ENCRYPTED_BLOB", "EPHEMERAL_PUBLIC_KEY", "MAC", "NONCE_START", "TAG", "IV", "SALT"],
].map((fields) => [
  ...fields,
  "PUBLIC_KEY_IDENTIFIER",
  "CIPHER_SUITE",
  "KDF_PARAMETERS",
  "ENCRYPTION_ALGORITHM_PARAMETERS",
]);
const BYTES = ["ENCRYPTED_BLOB", "NONCE_START"];
const UNUSED = ["MAC", "NONCE", "NONCE_START", "TAG", "IV"];

/** @typedef {Record<string, Bytes | string | undefined>} Fields */

/**
 * One record, size-prefixed.
 *
 * @param {Envelope} envelope
 * @param {string} [pluginId] that it was wrapped under
 * @returns {Bytes}
 */
export function writeEme(envelope, pluginId) {
  const { ephemeralPub, wrappedDEK, salt, curve } = readEnvelope(envelope);
  const plugin = pluginId === undefined ? undefined : utf8(pluginId, "pluginId");
  if (ephemeralPub.length > 256 || salt.length > 256 || (plugin?.length ?? 0) > 2048) throw tooLarge();
  const info = pluginId === undefined ? {} : { info: INFO + pluginId };
  return writeTable(IDENTIFIER, [
    wrappedDEK,
    toHex(ephemeralPub),
    ...[undefined, undefined, undefined, undefined],
    toHex(salt),
    `ECDH-${NAMES[curve]}+HKDF-SHA256+AES-256-GCM`,
    canonicalJson({ ...info, salt: toHex(salt) }),
    ALGORITHM,
  ]);
}

/**
 * One record, with or without its size prefix, and nothing behind it.
 *
 * @param {BytesLike} record
 * @returns {{ envelope: Envelope, pluginId: string | undefined }} the plugin id where the record tells
 */
export function readEme(record) {
  const bytes = viewBytes(record, "record");
  if (bytes.length > RECORD_BYTES) throw tooLarge();
  const [older, later] = LAYOUTS.map((layout) => attempt(bytes, layout));
  const fields = older instanceof SealpostError && !(later instanceof SealpostError) ? later : older;
  if (fields instanceof SealpostError) throw fields;
  return recordOf(fields);
}

/**
 * @param {Bytes} bytes
 * @param {string[]} layout
 * @returns {Fields | SealpostError}
 */
function attempt(bytes, layout) {
  try {
    const table = rootTable(bytes, IDENTIFIER, 2 * RECORD_BYTES);
    /** @type {Fields} */
    const fields = {};
    for (const [id, name] of layout.entries()) fields[name] = BYTES.includes(name) ? table.bytes(id) : table.text(id);
    const isKnown = SUITES.has(String(fields.CIPHER_SUITE));
    return isKnown ? fields : refused("eme_cipher_suite", "has a cipher suite this version does not know");
  } catch (error) {
    if (error instanceof NotThatFormat) return new SealpostError("eme_not_eme", "the bytes are no EME record");
    return refused("eme_malformed", "is damaged");
  }
}

/**
 * @param {Fields} fields
 * @returns {{ envelope: Envelope, pluginId: string | undefined }}
 */
function recordOf(fields) {
  const wrappedDEK = fields.ENCRYPTED_BLOB;
  if (!(wrappedDEK instanceof Uint8Array) || wrappedDEK.length !== 60) throw unusable("ENCRYPTED_BLOB");
  const ephemeralPub = fromHex(fields.EPHEMERAL_PUBLIC_KEY || undefined);
  if (!ephemeralPub) throw unusable("EPHEMERAL_PUBLIC_KEY");
  for (const name of UNUSED) {
    if (fields[name]?.length) throw refused("eme_unused_field", `sets ${name}, which an envelope does not use`);
  }
  const { info, salt: named } = kdfOf(fields.KDF_PARAMETERS);
  if (info !== undefined && !info.startsWith(INFO)) {
    throw refused("eme_info", "derives its key for another purpose than a plugin");
  }
  const field = fields.SALT || undefined;
  if (named !== undefined && field !== undefined && named.toLowerCase() !== String(field).toLowerCase()) {
    throw unusable("SALT");
  }
  const salt = fromHex(named ?? field ?? (fields.PUBLIC_KEY_IDENTIFIER || undefined));
  if (!salt) throw unusable("KDF_PARAMETERS");
  const curve = /** @type {Curve} */ (SUITES.get(String(fields.CIPHER_SUITE)));
  return { envelope: writeEnvelope({ ephemeralPub, wrappedDEK, salt, curve }), pluginId: info?.slice(INFO.length) };
}

/**
 * @param {Bytes | string | undefined} json
 * @returns {{ info?: string, salt?: string }}
 */
function kdfOf(json) {
  if (!json) return {};
  try {
    const { info, salt } = JSON.parse(String(json));
    const names = memberNames(String(json)).filter((name) => name === "info" || name === "salt");
    const isText = [info, salt].every((value) => value === undefined || value === null || typeof value === "string");
    if (isText && new Set(names).size === names.length) return { info: info ?? undefined, salt: salt ?? undefined };
  } catch {
    // Told below.
  }
  throw unusable("KDF_PARAMETERS");
}

/**
 * @param {string} code
 * @param {string} what
 */
const refused = (code, what) => new SealpostError(code, `the EME record ${what}`);

/** @param {string} name */
const unusable = (name) => refused("eme_field", `has no usable ${name}`);

const tooLarge = () => refused("eme_too_large", `is larger than ${RECORD_BYTES} bytes`);
