/** Bytes that arrive in pieces, in one piece of memory where their number was told. */
export class GrowingBuffer {
  #limit;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** @param {number} limit most bytes that will come */
  constructor(limit) {
    this.#limit = limit;
  }

  get length() {
    return this.#length;
  }

  /** @param {number} capacity */
  reserve(capacity) {
    if (capacity <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.min(capacity, this.#limit));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  /** @param {Uint8Array} piece */
  push(piece) {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) this.reserve(Math.max(length, 2 * this.#bytes.length));
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  clear() {
    this.#length = 0;
  }

  /** All there is; the buffer is empty afterwards. */
  take() {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return taken;
  }
}
