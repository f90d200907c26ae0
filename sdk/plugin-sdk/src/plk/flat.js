// A `$PLK` FlatBuffer, read. Nothing is signed of its bytes: what counts is the JSON of what they say.

import { toHex } from "../bytes.js";
import { SealpostError } from "../error.js";
import { NotThatFormat, isOfFormat, rootTable } from "../flatbuffer/read.js";
import { FIELDS, TYPES } from "./fields.js";
import { unusable } from "./refused.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("../flatbuffer/read.js").Table} Table */
/** @typedef {import("./fields.js").Field} Field */

const IDENTIFIER = "$PLK";
const LIMIT = 128 << 10;

/**
 * @param {Bytes} bytes
 * @returns {boolean}
 */
export const isFlatBuffer = (bytes) => isOfFormat(bytes, IDENTIFIER);

/**
 * The fields by their names, as they are written in JSON; what is absent is empty or 0.
 *
 * @param {Bytes} bytes
 * @returns {Record<string, unknown>}
 */
export function readFlatBuffer(bytes) {
  try {
    const table = rootTable(bytes, IDENTIFIER, LIMIT);
    return Object.fromEntries(FIELDS.map((field, id) => [field.name, read(table, field, id)]));
  } catch (error) {
    if (error instanceof SealpostError) throw error;
    if (error instanceof NotThatFormat) throw new SealpostError("plk_not_plk", "the bytes are no PLK licence");
    throw new SealpostError("plk_malformed", "the licence is malformed");
  }
}

/**
 * @param {Table} table
 * @param {Field} field
 * @param {number} id
 * @returns {unknown}
 */
function read(table, { name, kind, length }, id) {
  switch (kind) {
    case "text":
      return table.text(id);
    case "texts":
      return table.texts(id);
    case "bytes": {
      const found = table.bytes(id);
      // Writers of whole objects give empty vectors for what is not there.
      if (found === undefined || found.length === 0) return undefined;
      if (found.length !== length) throw unusable(name);
      return toHex(found);
    }
    case "kind": {
      const type = TYPES[table.u8(id) ?? 0];
      if (!type) throw unusable(name);
      return type;
    }
    case "u32":
      return table.u32(id) ?? 0;
    case "u64":
      return String(table.u64(id) ?? 0);
  }
}
