// What is read of the store, and again whenever it may have changed. Of answers that overtake each other, the one that was asked for last
// counts; what was read stays till there is something newer, also where reading it again fails.

import { again, type Page } from "./pages";

/** One thing. */
export class Reading<T> {
  found = $state.raw<T>();
  error = $state.raw<unknown>();
  readonly #read: () => Promise<T>;
  #asked = 0;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** Reads it anew. */
  readonly look = async (): Promise<void> => {
    const mine = (this.#asked += 1);
    try {
      const found = await this.#read();
      if (mine === this.#asked) [this.found, this.error] = [found, undefined];
    } catch (reason) {
      if (mine === this.#asked) this.error = reason;
    }
  };
}

/** A list that comes by the page. */
export class Rows<T> {
  /** Nothing before the first answer. */
  found = $state.raw<T[]>();
  /** What asks for those behind. */
  next = $state<string>();
  busy = $state(false);
  error = $state.raw<unknown>();
  readonly #page: (after?: string) => Promise<Page<T>>;
  #asked = 0;

  constructor(page: (after?: string) => Promise<Page<T>>) {
    this.#page = page;
  }

  /** Reads all anew that is shown. */
  readonly look = (): Promise<void> => this.#show(() => again(this.#page, this.found?.length ?? 0));

  /** Reads another list, or the same from its beginning. */
  readonly begin = (): Promise<void> => {
    this.found = this.next = this.error = undefined;
    return this.look();
  };

  /** Reads those behind; somebody asks for them, so that what failed before is told anew where it fails again. */
  readonly more = (): Promise<void> => {
    this.error = undefined;
    return this.#show(async () => {
      const behind = await this.#page(this.next);
      return { ...behind, rows: [...(this.found ?? []), ...behind.rows] };
    });
  };

  async #show(read: () => Promise<Page<T>>): Promise<void> {
    const mine = (this.#asked += 1);
    this.busy = true;
    try {
      const { rows, next } = await read();
      if (mine === this.#asked) [this.found, this.next, this.error] = [rows, next, undefined];
    } catch (reason) {
      if (mine === this.#asked) this.error = reason;
    } finally {
      if (mine === this.#asked) this.busy = false;
    }
  }
}
