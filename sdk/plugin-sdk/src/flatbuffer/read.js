// One table of a FlatBuffer, every offset checked. Whatever lies outside the buffer is a RangeError.

import { fromUtf8 } from "../bytes.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */

const WORD = 4;

/** Size prefix or identifier are not those of the format. */
export class NotThatFormat extends Error {}

/**
 * Whether a buffer says that it is of a format, with or without a size prefix.
 *
 * @param {Bytes} bytes
 * @param {string} identifier of 4 characters
 * @returns {boolean}
 */
export const isOfFormat = (bytes, identifier) =>
  isNamed(bytes, WORD, identifier) || isNamed(bytes, 2 * WORD, identifier);

/**
 * The root table of a buffer with or without a size prefix, and nothing behind it.
 *
 * @param {Bytes} bytes
 * @param {string} identifier of 4 characters
 * @param {number} limit bytes that may be read, counting what is reached twice as two
 * @returns {Table}
 */
export function rootTable(bytes, identifier, limit) {
  const start = isNamed(bytes, WORD, identifier) ? 0 : WORD;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (start === WORD) {
    const isWhole = isNamed(bytes, 2 * WORD, identifier) && view.getUint32(0, true) + WORD === bytes.length;
    if (!isWhole) throw new NotThatFormat();
  }
  return new Table(bytes, view, start + view.getUint32(start, true), limit);
}

/** Fields by their numbers; none where a field is absent. */
export class Table {
  /**
   * @param {Bytes} bytes
   * @param {DataView} view
   * @param {number} at
   * @param {number} limit
   */
  constructor(bytes, view, at, limit) {
    this.content = bytes;
    this.view = view;
    this.at = at;
    this.vtable = at - view.getInt32(at, true);
    this.left = limit;
  }

  /**
   * @param {number} id
   * @returns {number | undefined}
   */
  u8(id) {
    const at = this.#place(id);
    return at === undefined ? undefined : this.view.getUint8(at);
  }

  /**
   * @param {number} id
   * @returns {number | undefined}
   */
  u32(id) {
    const at = this.#place(id);
    return at === undefined ? undefined : this.view.getUint32(at, true);
  }

  /**
   * @param {number} id
   * @returns {bigint | undefined}
   */
  u64(id) {
    const at = this.#place(id);
    return at === undefined ? undefined : this.view.getBigUint64(at, true);
  }

  /**
   * @param {number} id
   * @returns {Bytes | undefined}
   */
  bytes(id) {
    const at = this.#place(id);
    return at === undefined ? undefined : this.#vector(this.#follow(at));
  }

  /**
   * @param {number} id
   * @returns {string | undefined}
   */
  text(id) {
    const at = this.#place(id);
    return at === undefined ? undefined : this.#text(this.#follow(at));
  }

  /**
   * @param {number} id
   * @returns {string[] | undefined}
   */
  texts(id) {
    const at = this.#place(id);
    if (at === undefined) return undefined;
    const start = this.#follow(at);
    const length = this.view.getUint32(start, true);
    if (start + WORD + length * WORD > this.content.length) throw new RangeError("out of bounds");
    return Array.from({ length }, (_, entry) => this.#text(this.#follow(start + WORD + entry * WORD)));
  }

  /**
   * @param {number} id
   * @returns {number | undefined}
   */
  #place(id) {
    const slot = 4 + 2 * id;
    if (slot >= this.view.getUint16(this.vtable, true)) return undefined;
    const offset = this.view.getUint16(this.vtable + slot, true);
    return offset === 0 ? undefined : this.at + offset;
  }

  /** @param {number} at */
  #follow(at) {
    return at + this.view.getUint32(at, true);
  }

  /**
   * @param {number} at
   * @returns {Bytes}
   */
  #vector(at) {
    const start = at + WORD;
    const length = this.view.getUint32(at, true);
    this.left -= length + WORD;
    if (start + length > this.content.length || this.left < 0) throw new RangeError("out of bounds");
    return this.content.subarray(start, start + length);
  }

  /**
   * @param {number} at
   * @returns {string}
   */
  #text(at) {
    const bytes = this.#vector(at);
    const text = fromUtf8(bytes);
    if (text === undefined || this.view.getUint8(at + WORD + bytes.length) !== 0) throw new RangeError("no text");
    return text;
  }
}

/**
 * @param {Bytes} bytes
 * @param {number} at
 * @param {string} identifier
 */
const isNamed = (bytes, at, identifier) => fromUtf8(bytes.subarray(at, at + WORD)) === identifier;
