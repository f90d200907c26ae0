// The fields of `$PLK` (Space Data Standards 1.1.1), in the order of the schema: what each holds, and how it is written in
// JSON: bytes as lower hex, 64-bit numbers as decimal strings, kinds by their names. What is empty is left out; numbers
// never are.

/** @typedef {"text" | "texts" | "bytes" | "kind" | "u32" | "u64"} Kind */

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {Kind} kind
 * @property {boolean} [required] text that may be neither missing nor empty
 * @property {number} [length] of bytes
 */

/** @type {readonly Field[]} */
export const FIELDS = [
  { name: "LICENSE_ID", kind: "text", required: true },
  { name: "PLUGIN_ID", kind: "text", required: true },
  { name: "PLUGIN_VERSION", kind: "text" },
  { name: "LICENSEE_ORG", kind: "text", required: true },
  { name: "LICENSEE_EMAIL", kind: "text" },
  { name: "LICENSEE_PEER_ID", kind: "text" },
  { name: "LICENSEE_PUBKEY", kind: "bytes", length: 32 },
  { name: "ISSUER_PUBKEY", kind: "bytes", length: 32 },
  { name: "ALLOWED_DOMAINS", kind: "texts" },
  { name: "ALLOWED_TLDS", kind: "texts" },
  { name: "LICENSE_TYPE", kind: "kind" },
  { name: "MAX_ACTIVATIONS", kind: "u32" },
  { name: "ISSUED_AT", kind: "u64" },
  { name: "VALID_FROM", kind: "u64" },
  { name: "EXPIRES_AT", kind: "u64" },
  { name: "ISSUER_PEER_ID", kind: "text" },
  { name: "SIGNATURE", kind: "bytes", length: 64 },
];

/**
 * Kinds of licences, each at the place of its number.
 *
 * @type {readonly LicenceType[]}
 */
export const TYPES = ["Trial", "Commercial", "Enterprise", "Educational", "OpenSource", "Internal"];

/** @typedef {"Trial" | "Commercial" | "Enterprise" | "Educational" | "OpenSource" | "Internal"} LicenceType */

/**
 * A licence, signed or not yet. Times are Unix seconds as decimal text.
 *
 * @typedef {object} Licence
 * @property {string} LICENSE_ID the issuer's name for it
 * @property {string} PLUGIN_ID the plugin it is for
 * @property {string} [PLUGIN_VERSION] one version (`1.2.3`), or a range of Cargo's notation (`^1.2`, `>=1.2, <3`); none for all
 * @property {string} LICENSEE_ORG who may use the plugin
 * @property {string} [LICENSEE_EMAIL]
 * @property {string} [LICENSEE_PEER_ID]
 * @property {string} [LICENSEE_PUBKEY] the licensee's X25519 key, for which content keys are wrapped
 * @property {string} [ISSUER_PUBKEY] the issuer's Ed25519 key (its X25519 counterpart is read too); never trusted for being here
 * @property {string[]} [ALLOWED_DOMAINS] each for itself; with both lists empty it is bound to none
 * @property {string[]} [ALLOWED_TLDS] endings such as `gov` or `co.uk`: every domain below one is allowed
 * @property {LicenceType} LICENSE_TYPE what kind of use it is for; told, not judged
 * @property {number} MAX_ACTIVATIONS how many devices may use it; 0 for any number
 * @property {string} ISSUED_AT
 * @property {string} VALID_FROM
 * @property {string} EXPIRES_AT from when on it is not valid any more; `0` for never
 * @property {string} [ISSUER_PEER_ID]
 * @property {string} [SIGNATURE] the issuer's
 */
