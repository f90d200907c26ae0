// A download that goes on where it broke (RFC 9110, sections 13.1.5 and 14).

import { GrowingBuffer } from "./buffer.js";
import { fail } from "./fail.js";
import { pause, Watch } from "./time.js";

/** @typedef {import("@sealpost/plugin-sdk").SealpostError} SealpostError */

/** Attempts in all, however much each brings: a server that sends a byte at a time is left. */
const MOST_ATTEMPTS = 32;
/** Milliseconds. */
const LONGEST_PAUSE = 8_000;
const END = { value: undefined };

/**
 * @typedef {object} Progress
 * @property {number} received bytes so far; fewer than before when the download had to begin again
 * @property {number | null} total bytes in all, where the server told
 *
 * @typedef {object} DownloadOptions
 * @property {number} maxBytes most bytes that are taken
 * @property {boolean} [immutable] the bytes behind the address never change, because they are known by their hash: a
 *   download goes on without asking whether they did
 * @property {typeof globalThis.fetch} [fetch] what requests are made with
 * @property {AbortSignal} [signal] stops it; the promise rejects with the signal's reason
 * @property {(progress: Progress) => void} [onProgress]
 * @property {number} [retries] how often a lost connection is tried again without getting one byte further (default 4)
 * @property {number} [backoff] first pause before trying again, in milliseconds, doubled each time (default 250)
 * @property {number} [stallTimeout] milliseconds without a byte after which a connection counts as lost (default 30 000)
 */

/**
 * Fetches a blob whole. Sends neither cookies nor referrer.
 *
 * @param {string | URL} url
 * @param {DownloadOptions} options
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function download(url, options) {
  const { retries = 4, backoff = 250, signal } = options;
  const transfer = new Transfer(url, options);
  for (let attempt = 1, failures = 0; ; attempt++) {
    const before = transfer.received;
    const lost = await transfer.attempt();
    if (!lost) return transfer.take();
    failures = transfer.received > before ? 1 : failures + 1;
    if (failures > retries || attempt >= MOST_ATTEMPTS) throw unreachable(url, lost.why);
    const wait = Math.min(backoff * 2 ** (failures - 1), LONGEST_PAUSE) * (0.5 + Math.random() / 2);
    await pause(Math.max(wait, Math.min(lost.after, LONGEST_PAUSE)), signal);
  }
}

/** @typedef {{ why: string, after: number }} Lost why an attempt ended, and the pause the server asked for (ms) */

class Transfer {
  #url;
  #options;
  #body;
  /** @type {string | null} */ #etag = null;
  /** @type {number | null} */ #total = null;

  /**
   * @param {string | URL} url
   * @param {DownloadOptions} options
   */
  constructor(url, options) {
    this.#url = url;
    this.#options = options;
    this.#body = new GrowingBuffer(options.maxBytes);
  }

  get received() {
    return this.#body.length;
  }

  take() {
    return this.#body.take();
  }

  /**
   * One request; goes on behind what is there already.
   *
   * @returns {Promise<Lost | undefined>}
   */
  async attempt() {
    const { signal, stallTimeout = 30_000, immutable = false } = this.#options;
    signal?.throwIfAborted();
    if (!this.#etag && !immutable) this.#restart();
    const watch = new Watch(stallTimeout, signal);
    try {
      const answer = await watch.over(this.#request(watch.signal));
      if (answer === undefined) return lost("no answer came");
      const refused = this.#judge(answer);
      if (refused) {
        answer.body?.cancel().catch(() => {});
        return refused;
      }
      return await this.#read(answer, watch);
    } finally {
      watch.stop();
    }
  }

  /** @param {AbortSignal} signal */
  #request(signal) {
    const { fetch = globalThis.fetch, immutable = false } = this.#options;
    const headers = new Headers();
    if (this.received > 0) {
      headers.set("range", `bytes=${this.received}-`);
      // Servers of other origins have to allow this one beforehand, which gateways may not.
      if (this.#etag && !immutable) headers.set("if-range", this.#etag);
    }
    return fetch(this.#url, { headers, signal, credentials: "omit", referrerPolicy: "no-referrer" });
  }

  /**
   * Prepares for the body of an answer, or says why it is none.
   *
   * @param {Response} answer
   * @returns {Lost | undefined}
   */
  #judge(answer) {
    const { status, headers } = answer;
    if (status === 206 && this.received > 0) return this.#judgeRange(headers);
    if (status === 416 && this.received > 0) {
      this.#restart();
      return lost("the server has no such range");
    }
    if (status === 408 || status === 429 || status >= 500) return lost(`the server answered ${status}`, headers);
    if (status !== 200) throw refused(this.#url, status);
    // Whatever was there belongs to an earlier state, or the server knows no ranges.
    this.#restart();
    this.#etag = strongEtag(headers);
    this.#expect(wholeNumber(headers.get("content-length")));
    return undefined;
  }

  /** @param {Headers} headers */
  #judgeRange(headers) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
    const etag = strongEtag(headers);
    const total = range?.[2] === "*" ? null : wholeNumber(range?.[2]);
    const elsewhere = range !== null && Number(range[1]) !== this.received;
    const changed =
      (etag !== null && this.#etag !== null && etag !== this.#etag) ||
      (total !== null && this.#total !== null && total !== this.#total);
    // Pages see this header of other origins only where the server exposes it.
    const hidden = range === null && headers.get("content-range") !== null;
    if (elsewhere || changed || hidden) {
      this.#restart();
      return lost("the server sent another part than asked for, or the blob changed meanwhile");
    }
    this.#expect(total);
    return undefined;
  }

  /** @param {number | null} total */
  #expect(total) {
    if (total === null) return;
    if (total > this.#options.maxBytes) throw tooLarge(this.#options.maxBytes);
    this.#total = total;
    this.#body.reserve(total);
  }

  /**
   * @param {Response} answer
   * @param {Watch} watch
   * @returns {Promise<Lost | undefined>}
   */
  async #read(answer, watch) {
    const { onProgress, maxBytes } = this.#options;
    const reader = answer.body?.getReader();
    try {
      onProgress?.({ received: this.received, total: this.#total });
      for (;;) {
        const step = reader ? await watch.over(reader.read()) : END;
        if (step === undefined) return lost("the connection broke");
        if (step.value === undefined) return this.#ended(answer.headers);
        if (this.received + step.value.length > maxBytes) throw tooLarge(maxBytes);
        this.#body.push(step.value);
        onProgress?.({ received: this.received, total: this.#total });
      }
    } finally {
      reader?.cancel().catch(() => {});
    }
  }

  /** @param {Headers} headers */
  #ended(headers) {
    // Of a compressed answer the length is another one.
    const counted = this.#total !== null && !headers.has("content-encoding");
    return counted && this.received < Number(this.#total) ? lost("the connection broke") : undefined;
  }

  #restart() {
    this.#body.clear();
    this.#etag = null;
    this.#total = null;
  }
}

/**
 * @param {string} why
 * @param {Headers} [headers]
 * @returns {Lost}
 */
function lost(why, headers) {
  return { why, after: 1000 * (wholeNumber(headers?.get("retry-after")) ?? 0) };
}

/** @param {Headers} headers */
function strongEtag(headers) {
  const etag = headers.get("etag");
  return etag?.startsWith('"') ? etag : null;
}

/** @param {string | null | undefined} text */
function wholeNumber(text) {
  return text && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** @param {number} maxBytes */
export function tooLarge(maxBytes) {
  return fail(
    "blob_too_large",
    `the sealed blob has more than ${maxBytes} bytes`,
    "Check that this is the right blob; allow more by `maxBytes`.",
  );
}

/**
 * @param {string | URL} url
 * @param {string} why
 */
function unreachable(url, why) {
  return fail(
    "blob_unreachable",
    `the sealed blob could not be fetched from ${shown(url)}: ${why}`,
    "Check the connection and try again; in a page, check that its Content-Security-Policy and the server's CORS allow it.",
  );
}

/**
 * @param {string | URL} url
 * @param {number} status
 */
function refused(url, status) {
  return fail(
    "blob_refused",
    `the sealed blob is not to be had from ${shown(url)}: the server answered ${status}`,
    "Fetch the bundle again; the release may have been taken back.",
    { status },
  );
}

/**
 * Origin and path alone: what is behind them may be meant for the server.
 *
 * @param {string | URL} url
 */
function shown(url) {
  const parsed = URL.canParse(String(url), globalThis.location?.href) && new URL(url, globalThis.location?.href);
  if (!parsed) return "its address";
  return parsed.protocol.startsWith("http") ? parsed.origin + parsed.pathname : `a ${parsed.protocol} address`;
}
