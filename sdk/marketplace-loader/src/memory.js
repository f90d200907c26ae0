/** A plugin's memory. Its views are made anew each time: they end whenever the memory grows. */
export class Memory {
  #memory;

  /** @param {WebAssembly.Memory} memory */
  constructor(memory) {
    this.#memory = memory;
  }

  get size() {
    return this.#memory.buffer.byteLength;
  }

  /**
   * A copy of a part.
   *
   * @param {number} pointer
   * @param {number} length
   * @returns {Uint8Array<ArrayBuffer>}
   */
  read(pointer, length) {
    const copy = new Uint8Array(length);
    copy.set(this.view(pointer, length));
    return copy;
  }

  /**
   * @param {number} pointer
   * @param {Uint8Array} bytes
   */
  write(pointer, bytes) {
    this.view(pointer, bytes.length).set(bytes);
  }

  /**
   * Good until the plugin runs again. Throws a RangeError outside of the memory.
   *
   * @param {number} pointer
   * @param {number} length
   */
  view(pointer, length) {
    return new Uint8Array(this.#memory.buffer, pointer, length);
  }
}
