import { fromHex, fromUtf8, isArrayBuffer, viewBytes } from "../bytes.js";
import { canonicalJson, memberNames } from "../canonical.js";
import { SealpostError } from "../error.js";
import { FIELDS, TYPES } from "./fields.js";
import { isFlatBuffer, readFlatBuffer } from "./flat.js";
import { unusable } from "./refused.js";

/** @typedef {import("../bytes.js").BytesLike} BytesLike */
/** @typedef {import("./fields.js").Field} Field */
/** @typedef {import("./fields.js").Licence} Licence */

/** Most bytes of a licence, as JSON or FlatBuffer. */
export const LICENCE_BYTES = 64 << 10;

/**
 * Reads a licence: JSON with any spacing and order, what `JSON.parse` made of it, or a `$PLK` FlatBuffer with or without
 * size prefix. Unknown fields are refused: the signature would not cover them. Says nothing about who signed it.
 *
 * @param {string | BytesLike | Licence} input
 * @returns {Licence}
 */
export function readLicence(input) {
  const licence = checkFields(parse(input));
  for (const { name } of FIELDS.filter((field) => field.required)) {
    if (licence[/** @type {keyof Licence} */ (name)] === "") throw unusable(name);
  }
  for (const name of /** @type {const} */ (["ALLOWED_DOMAINS", "ALLOWED_TLDS"])) {
    if (licence[name]?.includes("")) throw unusable(name);
  }
  checkSize(new TextEncoder().encode(licenceJson(licence)).length);
  return licence;
}

/**
 * RFC 8785 JSON of all fields.
 *
 * @param {Licence} licence
 * @returns {string}
 */
export function licenceJson(licence) {
  try {
    return canonicalJson(licence);
  } catch {
    throw malformed();
  }
}

/**
 * @param {unknown} input
 * @returns {Record<string, unknown>}
 */
function parse(input) {
  if (typeof input === "object" && input !== null && !isArrayBuffer(input) && !ArrayBuffer.isView(input)) {
    if (Array.isArray(input)) throw malformed();
    return /** @type {Record<string, unknown>} */ (input);
  }
  if (typeof input === "string") {
    checkSize(new TextEncoder().encode(input).length);
    return parseJson(input);
  }
  const bytes = viewBytes(input, "licence", "a licence (JSON or a $PLK FlatBuffer)");
  checkSize(bytes.length);
  if (isFlatBuffer(bytes)) return readFlatBuffer(bytes);
  const text = fromUtf8(bytes);
  if (text === undefined || !/^[ \t\r\n]*\{/.test(text)) {
    throw new SealpostError("plk_not_plk", "the bytes are no PLK licence");
  }
  return parseJson(text);
}

/**
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
function parseJson(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed();
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed();
  // One meaning for every reader: no name twice, no number written in two ways.
  const numbers = text.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/[^\s{}[\],:"]+/g) ?? [];
  const isPlain = numbers.every((token) => /^(0|[1-9]\d*|null)$/.test(token));
  if (memberNames(text).length !== Object.keys(value).length || !isPlain) throw malformed();
  return value;
}

/**
 * @param {Record<string, unknown>} found
 * @returns {Licence}
 */
function checkFields(found) {
  if (Object.keys(found).some((name) => !FIELDS.some((field) => field.name === name))) throw malformed();
  /** @type {Record<string, unknown>} */
  const licence = {};
  for (const field of FIELDS) {
    const value = found[field.name];
    if (!isValue(field, value)) throw malformed();
    const empty = value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
    if (!empty || field.required) licence[field.name] = value;
  }
  return /** @type {Licence} */ (/** @type {unknown} */ (licence));
}

/**
 * @param {Field} field
 * @param {unknown} value
 * @returns {boolean}
 */
function isValue({ kind, required, length }, value) {
  switch (kind) {
    case "text":
      return value === undefined ? !required : typeof value === "string";
    case "texts":
      return value === undefined || (Array.isArray(value) && value.every((entry) => typeof entry === "string"));
    case "bytes":
      if (value === undefined || value === null) return true;
      return fromHex(value)?.length === length && value === String(value).toLowerCase();
    case "kind":
      return TYPES.includes(/** @type {any} */ (value));
    case "u32":
      return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32;
    case "u64":
      return typeof value === "string" && /^(0|[1-9]\d{0,19})$/.test(value) && BigInt(value) < 1n << 64n;
  }
}

/** @param {number} bytes */
function checkSize(bytes) {
  if (bytes > LICENCE_BYTES) {
    throw new SealpostError("plk_too_large", `the licence is larger than ${LICENCE_BYTES} bytes`);
  }
}

const malformed = () => new SealpostError("plk_malformed", "the licence is malformed");
