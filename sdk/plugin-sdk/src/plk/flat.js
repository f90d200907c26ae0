// A `$PLK` FlatBuffer, read. Nothing is signed of its bytes: what counts is the JSON of what they say.

import { fromUtf8, toHex } from "../bytes.js";
import { SealpostError } from "../error.js";
import { FIELDS, TYPES } from "./fields.js";
import { unusable } from "./refused.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("./fields.js").Field} Field */

const IDENTIFIER = "$PLK";
const WORD = 4;
/** Entries of a list, each of which takes at least its offset, and all texts together. */
const LIMIT = 128 << 10;

/**
 * @param {Bytes} bytes
 * @returns {boolean}
 */
export const isFlatBuffer = (bytes) => named(bytes, WORD) || named(bytes, 2 * WORD);

/**
 * The fields by their names, as they are written in JSON; what is absent is empty or 0.
 *
 * @param {Bytes} bytes
 * @returns {Record<string, unknown>}
 */
export function readFlatBuffer(bytes) {
  const start = named(bytes, WORD) ? 0 : WORD;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    // A size prefix says what follows it, and nothing does follow that.
    if (start === WORD && view.getUint32(0, true) + WORD !== bytes.length) throw new NotPlk();
    const table = start + view.getUint32(start, true);
    const vtable = table - view.getInt32(table, true);
    const reader = { bytes, view, left: LIMIT };
    return Object.fromEntries(FIELDS.map((field, id) => [field.name, read(reader, field, place(view, table, vtable, id))]));
  } catch (error) {
    if (error instanceof SealpostError) throw error;
    if (error instanceof NotPlk) throw new SealpostError("plk_not_plk", "the bytes are no PLK licence");
    // Out of the buffer's bounds, which the view checks.
    throw new SealpostError("plk_malformed", "the licence is malformed");
  }
}

class NotPlk extends Error {}

/** @typedef {{ bytes: Bytes, view: DataView, left: number }} Reader */

/**
 * Where a field of a table stands; none where it is absent.
 *
 * @param {DataView} view
 * @param {number} table
 * @param {number} vtable
 * @param {number} id
 * @returns {number | undefined}
 */
function place(view, table, vtable, id) {
  const slot = 4 + 2 * id;
  if (slot >= view.getUint16(vtable, true)) return undefined;
  const offset = view.getUint16(vtable + slot, true);
  return offset === 0 ? undefined : table + offset;
}

/**
 * @param {Reader} reader
 * @param {Field} field
 * @param {number | undefined} at
 * @returns {unknown}
 */
function read(reader, { name, kind, required, length }, at) {
  const { view } = reader;
  switch (kind) {
    case "text":
      if (at === undefined && required) throw new RangeError(name);
      return at === undefined ? undefined : readText(reader, follow(view, at));
    case "texts":
      return at === undefined ? undefined : readTexts(reader, follow(view, at));
    case "bytes": {
      const found = at === undefined ? new Uint8Array() : readVector(reader, follow(view, at));
      // Writers of whole objects give empty vectors for what is not there.
      if (found.length === 0) return undefined;
      if (found.length !== length) throw unusable(name);
      return toHex(found);
    }
    case "kind": {
      const type = TYPES[at === undefined ? 0 : view.getUint8(at)];
      if (!type) throw unusable(name);
      return type;
    }
    case "u32":
      return at === undefined ? 0 : view.getUint32(at, true);
    case "u64":
      return at === undefined ? "0" : view.getBigUint64(at, true).toString();
  }
}

/**
 * @param {Reader} reader
 * @param {number} at
 * @returns {Bytes}
 */
function readVector(reader, at) {
  const [start, length] = [at + WORD, reader.view.getUint32(at, true)];
  reader.left -= length + WORD;
  if (start + length > reader.bytes.length || reader.left < 0) throw new RangeError("out of bounds");
  return reader.bytes.subarray(start, start + length);
}

/**
 * @param {Reader} reader
 * @param {number} at
 * @returns {string}
 */
function readText(reader, at) {
  const bytes = readVector(reader, at);
  const text = fromUtf8(bytes);
  if (text === undefined || reader.view.getUint8(at + WORD + bytes.length) !== 0) throw new RangeError("no text");
  return text;
}

/**
 * @param {Reader} reader
 * @param {number} at
 * @returns {string[]}
 */
function readTexts(reader, at) {
  const length = reader.view.getUint32(at, true);
  if (at + WORD + length * WORD > reader.bytes.length) throw new RangeError("out of bounds");
  return Array.from({ length }, (_, entry) => readText(reader, follow(reader.view, at + WORD + entry * WORD)));
}

/**
 * @param {DataView} view
 * @param {number} at
 */
const follow = (view, at) => at + view.getUint32(at, true);

/**
 * @param {Bytes} bytes
 * @param {number} at
 */
const named = (bytes, at) => fromUtf8(bytes.subarray(at, at + WORD)) === IDENTIFIER;
