// One table of a FlatBuffer, written from its end to its beginning, as the format's own libraries write it.

/** @typedef {import("../bytes.js").Bytes} Bytes */

const WORD = 4;

/**
 * A size-prefixed buffer of one table whose fields are bytes and text.
 *
 * @param {string} identifier of 4 characters
 * @param {readonly (Uint8Array | string | undefined)[]} fields by their numbers; what is undefined is left out
 * @returns {Bytes}
 */
export function writeTable(identifier, fields) {
  const back = new Back();
  const places = fields.map((field) => (field === undefined ? 0 : vector(back, field)));
  const start = back.length;
  const slots = places.map((place) => {
    if (place === 0) return 0;
    back.align(WORD, 0);
    back.u32(back.length - place + WORD);
    return back.length;
  });
  back.align(WORD, 0);
  back.u32(0);
  const table = back.length;
  while (slots.at(-1) === 0) slots.pop();
  for (const slot of slots.toReversed()) back.u16(slot === 0 ? 0 : table - slot);
  back.u16(table - start);
  back.u16((slots.length + 2) * 2);
  back.patch(table, back.length - table);
  back.align(WORD, 3 * WORD);
  back.put(new TextEncoder().encode(identifier));
  back.u32(back.length - table + WORD);
  back.u32(back.length);
  return back.bytes();
}

/**
 * @param {Back} back
 * @param {Uint8Array | string} field
 * @returns {number} where it is, counted from the end
 */
function vector(back, field) {
  const isText = typeof field === "string";
  const bytes = isText ? new TextEncoder().encode(field) : field;
  if (isText) back.put(Uint8Array.of(0));
  back.align(WORD, bytes.length);
  back.put(bytes);
  back.u32(bytes.length);
  return back.length;
}

/** Bytes that grow at their beginning. */
class Back {
  length = 0;
  /** @type {Uint8Array[]} */
  #parts = [];

  /** @param {Uint8Array} bytes */
  put(bytes) {
    this.#parts.unshift(bytes);
    this.length += bytes.length;
  }

  /** @param {number} value */
  u16(value) {
    this.put(Uint8Array.of(value, value >> 8));
  }

  /** @param {number} value */
  u32(value) {
    this.put(Uint8Array.of(value, value >> 8, value >> 16, value >> 24));
  }

  /**
   * Zeros, so that what comes after `additional` more bytes is aligned.
   *
   * @param {number} size
   * @param {number} additional
   */
  align(size, additional) {
    const over = (this.length + additional) % size;
    if (over > 0) this.put(new Uint8Array(size - over));
  }

  /**
   * Overwrites the word that begins that many bytes from the end.
   *
   * @param {number} place
   * @param {number} value
   */
  patch(place, value) {
    const bytes = this.bytes();
    new DataView(bytes.buffer).setUint32(bytes.length - place, value, true);
    this.#parts = [bytes];
  }

  /** @returns {Bytes} */
  bytes() {
    const joined = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }
}
