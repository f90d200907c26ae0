// Jobs that a page follows: read once, then kept up to date by what the store tells.

import { SvelteMap } from "svelte/reactivity";
import { live } from "../lib/live.svelte";
import { jobs, type Job, type JobQuery } from "./api";
import { FINAL } from "./words";

/** What comes in this time is shown together: a hundred printers say something at once. */
const TOGETHER_MS = 60;

export class LiveJobs {
  /** By id. */
  readonly all = new SvelteMap<string, Job>();
  /** Newest first; changes when jobs come or go, not with each step of a print. */
  ids = $state.raw<string[]>([]);
  error = $state.raw<unknown>();
  loading = $state(true);
  next = $state<string>();

  readonly #query: JobQuery;
  #waiting = new Map<string, Job>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  #pages = 1;

  constructor(query: JobQuery) {
    this.#query = query;
  }

  /** Follows until the returned function is called. */
  follow(): () => void {
    const ends = [
      live.on("hello", () => void this.load()),
      live.on("job", (data) => this.#heard(data as Job)),
    ];
    void this.load();
    return () => {
      this.#asked = Number.POSITIVE_INFINITY;
      clearTimeout(this.#timer);
      for (const end of ends) end();
    };
  }

  /** Reads everything anew that is shown. */
  async load() {
    const asked = (this.#asked += 1);
    try {
      const found: Job[] = [];
      let next: string | undefined;
      for (let page = 0; page < this.#pages; page += 1) {
        const answer = await jobs(this.#query, next);
        if (asked !== this.#asked) return;
        found.push(...answer.jobs);
        next = answer.next ?? undefined;
        if (!next) break;
      }
      this.error = undefined;
      this.next = next;
      this.#replace(found);
    } catch (error) {
      if (asked === this.#asked) this.error = error;
    } finally {
      if (asked === this.#asked) this.loading = false;
    }
  }

  async more() {
    this.#pages += 1;
    await this.load();
  }

  /** What an answer of the store said of one. */
  put(job: Job) {
    const known = this.all.get(job.id);
    if (known && known.revision > job.revision) return;
    this.all.set(job.id, job);
    if (!known) this.#order();
  }

  #heard(job: Job) {
    if (!this.#wants(job)) return;
    this.#waiting.set(job.id, job);
    this.#timer ??= setTimeout(() => this.#flush(), TOGETHER_MS);
  }

  #flush() {
    this.#timer = undefined;
    const told = this.#waiting;
    this.#waiting = new Map();
    for (const job of told.values()) this.put(job);
  }

  /** Of jobs that came to their end while they are looked at, the end is shown. */
  #wants(job: Job): boolean {
    const { printer, listing, state, role = "buyer" } = this.#query;
    if (printer && job.printer !== printer) return false;
    if (listing && job.listing !== listing) return false;
    if (role === "buyer" && job.role !== "buyer") return false;
    if (this.all.has(job.id)) return true;
    if (state === "open") return !FINAL.has(job.state) && job.state !== "interrupted";
    if (state === "ended") return FINAL.has(job.state);
    return state !== "interrupted" || job.state === "interrupted";
  }

  #replace(found: Job[]) {
    const ids = new Set(found.map((job) => job.id));
    const { state } = this.#query;
    for (const [id, job] of this.all) {
      // What ended meanwhile is no longer among the open ones, and its end is asked for by whoever shows it.
      if (!ids.has(id) && !(state === "open" && FINAL.has(job.state))) this.all.delete(id);
    }
    for (const job of found) this.put(job);
    this.#order();
  }

  #order() {
    const newest = [...this.all.values()].sort(
      (one, other) => other.created_at.localeCompare(one.created_at) || other.id.localeCompare(one.id),
    );
    this.ids = newest.map((job) => job.id);
  }
}

/** Calls `told` with one job whenever it is told of, and `again` when it may have been missed. */
export function followJob(id: string, told: (job: Job) => void, again: () => void): () => void {
  const ends = [
    live.on("hello", again),
    live.on("job", (data) => {
      const job = data as Job;
      if (job.id === id) told(job);
    }),
  ];
  return () => ends.forEach((end) => end());
}
