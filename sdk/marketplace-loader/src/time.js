/**
 * Resolves after a while; rejects with the signal's reason when that is aborted.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Ends what makes no step for too long, or when the caller's signal says so. */
export class Watch {
  #controller = new AbortController();
  #patience;
  #outer;
  #forward;

  /**
   * @param {number} patience milliseconds for each step
   * @param {AbortSignal} [outer]
   */
  constructor(patience, outer) {
    this.#patience = patience;
    this.#outer = outer;
    this.#forward = () => this.#controller.abort(outer?.reason);
    outer?.addEventListener("abort", this.#forward, { once: true });
  }

  get signal() {
    return this.#controller.signal;
  }

  /**
   * One step: none where it failed or took too long. Rejects only when the caller's signal is aborted.
   *
   * @template T
   * @param {Promise<T>} step
   * @returns {Promise<T | undefined>}
   */
  async over(step) {
    /** @type {(nothing: undefined) => void} */
    let giveUp;
    const stopped = new Promise((resolve) => (giveUp = resolve));
    const end = () => giveUp(undefined);
    this.signal.addEventListener("abort", end, { once: true });
    const timer = setTimeout(() => this.#controller.abort(), this.#patience);
    try {
      return /** @type {T | undefined} */ (await Promise.race([step.catch(() => undefined), stopped]));
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener("abort", end);
      this.#outer?.throwIfAborted();
    }
  }

  stop() {
    this.#outer?.removeEventListener("abort", this.#forward);
    this.#controller.abort();
  }
}
