// What a module's bytes tell and `WebAssembly.Module` does not: the limits of its memories, the types of its functions
// (WebAssembly core specification, chapter 5).

import { fail } from "./fail.js";

const HEADER = 8;
const SECTION = { custom: 0, type: 1, import: 2, function: 3, memory: 5, export: 7 };
const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 };
const VALUE_TYPES = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
  [0x70, "funcref"],
  [0x6f, "externref"],
]);
const HAS_MAXIMUM = 1;
const SHARED = 2;

/**
 * @typedef {{ params: string[], results: string[] }} Signature
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 * @typedef {{ id: number, header: number, start: number, end: number }} Section
 * @typedef {{ flags: number, minimum: number, maximum: number | undefined }} Memory
 */

/**
 * The same module, whose memories cannot grow beyond `maxPages` pages of 64 KiB. The given bytes are changed in place
 * where there is room: where a section that says nothing to the machine (names, producers) can be left out.
 *
 * @param {Bytes} bytes
 * @param {number} maxPages
 * @returns {Bytes} a part of the given memory, or a copy
 */
export function limitMemory(bytes, maxPages) {
  const all = sections(bytes);
  const section = all.find(({ id }) => id === SECTION.memory);
  if (!section) return bytes;
  const reader = new Reader(bytes, section.start, section.end);
  const memories = reader.vector(() => readLimits(reader));
  if (memories.length > 1 || memories.some(({ flags }) => flags & SHARED)) {
    throw fail("plugin_memory_kind", "the plugin has more than one memory, or one that is shared between threads");
  }
  for (const { minimum } of memories) {
    if (minimum > maxPages) {
      throw fail(
        "plugin_memory_limit",
        `the plugin wants ${minimum} pages of memory to begin with, ${maxPages} are allowed`,
        "Allow more by `maxPages` if you trust the plugin with it (a page has 64 KiB).",
      );
    }
  }
  if (memories.every(({ maximum }) => maximum !== undefined && maximum <= maxPages)) return bytes;
  const content = [...leb128(memories.length)];
  for (const { flags, minimum, maximum = maxPages } of memories) {
    content.push(flags | HAS_MAXIMUM, ...leb128(minimum), ...leb128(Math.min(maximum, maxPages)));
  }
  const written = [SECTION.memory, ...leb128(content.length), ...content];
  const more = written.length - (section.end - section.header);
  const spare = all.find(({ id, header, end }) => id === SECTION.custom && header >= section.end && end - header >= more);
  return spare && more >= 0 ? replaceWithin(bytes, section, written, spare) : replaced(bytes, section, written);
}

/**
 * Moves what lies between two sections, which is much faster than a copy of all.
 *
 * @param {Bytes} bytes
 * @param {Section} section
 * @param {number[]} written in its place
 * @param {Section} spare a later one that is left out
 */
function replaceWithin(bytes, section, written, spare) {
  const start = section.header + written.length;
  const behind = start + (spare.header - section.end);
  bytes.copyWithin(start, section.end, spare.header);
  bytes.copyWithin(behind, spare.end);
  bytes.set(written, section.header);
  return bytes.subarray(0, behind + (bytes.length - spare.end));
}

/**
 * @param {Bytes} bytes
 * @param {Section} section
 * @param {number[]} written in its place
 */
function replaced(bytes, section, written) {
  const copy = new Uint8Array(bytes.length - (section.end - section.header) + written.length);
  copy.set(bytes.subarray(0, section.header));
  copy.set(written, section.header);
  copy.set(bytes.subarray(section.end), section.header + written.length);
  return copy;
}

/**
 * The types of the exported functions; empty for a module with types of later proposals, which then are not told.
 *
 * @param {Uint8Array} bytes
 * @returns {Map<string, Signature>}
 */
export function exportedSignatures(bytes) {
  try {
    return readSignatures(bytes);
  } catch (error) {
    if (error === UNKNOWN_TYPE) return new Map();
    throw error;
  }
}

/** @param {Uint8Array} bytes */
function readSignatures(bytes) {
  /** @type {Signature[]} */
  let types = [];
  /** @type {number[]} */
  const functions = [];
  /** @type {Map<string, Signature>} */
  const exported = new Map();
  for (const { id, start, end } of sections(bytes)) {
    const reader = new Reader(bytes, start, end);
    if (id === SECTION.type) types = reader.vector(() => readType(reader));
    if (id === SECTION.import) {
      reader.vector(() => {
        const index = readImport(reader);
        if (index !== undefined) functions.push(index);
      });
    }
    if (id === SECTION.function) reader.vector(() => functions.push(reader.u32()));
    if (id === SECTION.export) {
      reader.vector(() => {
        const name = reader.name();
        const [kind, index] = [reader.byte(), reader.u32()];
        const type = types[functions[index] ?? -1];
        if (kind === KIND.function && type) exported.set(name, type);
      });
    }
  }
  return exported;
}

/**
 * @param {Reader} reader
 * @returns {Signature}
 */
function readType(reader) {
  const FUNCTION = 0x60;
  if (reader.byte() !== FUNCTION) throw UNKNOWN_TYPE;
  return { params: reader.vector(() => readValueType(reader)), results: reader.vector(() => readValueType(reader)) };
}

/** @param {Reader} reader */
function readValueType(reader) {
  const type = VALUE_TYPES.get(reader.byte());
  if (!type) throw UNKNOWN_TYPE;
  return type;
}

/**
 * The index of an imported function's type.
 *
 * @param {Reader} reader
 * @returns {number | undefined}
 */
function readImport(reader) {
  reader.name();
  reader.name();
  switch (reader.byte()) {
    case KIND.function:
      return reader.u32();
    case KIND.table:
      readValueType(reader);
      readLimits(reader);
      return undefined;
    case KIND.memory:
      readLimits(reader);
      return undefined;
    case KIND.global:
      readValueType(reader);
      reader.byte();
      return undefined;
    case KIND.tag:
      reader.byte();
      reader.u32();
      return undefined;
    default:
      throw UNKNOWN_TYPE;
  }
}

/**
 * @param {Reader} reader
 * @returns {Memory}
 */
function readLimits(reader) {
  const flags = reader.byte();
  if (flags > (HAS_MAXIMUM | SHARED)) {
    throw fail(
      "plugin_memory_kind",
      "the plugin has a memory of a kind that this interface does not know",
      "Build it for wasm32, with ordinary memory.",
    );
  }
  return { flags, minimum: reader.u32(), maximum: flags & HAS_MAXIMUM ? reader.u32() : undefined };
}

const UNKNOWN_TYPE = new Error("a type of a later proposal");

/**
 * @param {Uint8Array} bytes
 * @returns {Section[]}
 */
function sections(bytes) {
  const found = [];
  const reader = new Reader(bytes, HEADER, bytes.length);
  while (reader.at < bytes.length) {
    const header = reader.at;
    const id = reader.byte();
    const size = reader.u32();
    const start = reader.at;
    reader.skip(size);
    found.push({ id, header, start, end: reader.at });
  }
  return found;
}

/** @param {number} value */
function leb128(value) {
  const bytes = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value ? low | 128 : low);
  } while (value);
  return bytes;
}

class Reader {
  /** @type {Uint8Array} */ #bytes;
  /** @type {number} */ #end;
  /** @type {number} */ at;

  /**
   * @param {Uint8Array} bytes
   * @param {number} start
   * @param {number} end
   */
  constructor(bytes, start, end) {
    this.#bytes = bytes;
    this.#end = end;
    this.at = start;
  }

  byte() {
    const byte = this.at < this.#end ? this.#bytes[this.at] : undefined;
    if (byte === undefined) throw notAModule();
    this.at += 1;
    return byte;
  }

  u32() {
    let value = 0;
    for (let factor = 1; factor <= 128 ** 4; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) {
        if (value >= 2 ** 32) throw notAModule();
        return value;
      }
    }
    throw notAModule();
  }

  name() {
    const start = this.at + this.#lengthAhead();
    return new TextDecoder().decode(this.#bytes.subarray(start, this.at));
  }

  /**
   * @template T
   * @param {() => T} read
   * @returns {T[]}
   */
  vector(read) {
    const items = [];
    for (let left = this.u32(); left > 0; left -= 1) items.push(read());
    return items;
  }

  /** @param {number} size */
  skip(size) {
    if (size > this.#end - this.at) throw notAModule();
    this.at += size;
  }

  /** Bytes of a length prefix; moves behind what it measures. */
  #lengthAhead() {
    const before = this.at;
    const size = this.u32();
    const prefix = this.at - before;
    this.skip(size);
    return prefix;
  }
}

export function notAModule() {
  return fail(
    "plugin_invalid",
    "what was opened is not a WebAssembly module that this browser or runtime can load",
    "Report it to the publisher; an old browser may lack a feature the plugin was built with.",
  );
}
