/** The idempotency key of a request: what is asked for again, because its answer was lost, happens once. */
export class Once {
  #key = crypto.randomUUID();
  #asked: string | undefined;

  /** The key for asking this: the same till it worked, another one when something else is asked for. */
  of(what: unknown): string {
    const asked = JSON.stringify(what);
    if (this.#asked !== undefined && this.#asked !== asked) this.#key = crypto.randomUUID();
    this.#asked = asked;
    return this.#key;
  }

  /** It worked: the same asked once more is another request. */
  done() {
    this.#key = crypto.randomUUID();
    this.#asked = undefined;
  }
}
