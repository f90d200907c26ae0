// A download that goes on where it broke (RFC 9110, sections 13.1.5 and 14).

import { fail } from "./fail.js";

/** Attempts in all, however much each brings: a server that sends a byte at a time is left. */
const MOST_ATTEMPTS = 32;
const LONGEST_PAUSE = 8_000;

/**
 * @typedef {object} Progress
 * @property {number} received Bytes so far.
 * @property {number | null} total Bytes in all, where the server told.
 */

/**
 * @typedef {object} DownloadOptions
 * @property {number} maxBytes Most bytes that are taken.
 * @property {boolean} [immutable] The bytes behind the address never change (they are known by their hash): a
 *   download goes on without asking whether they did.
 * @property {typeof globalThis.fetch} [fetch] What requests are made with.
 * @property {AbortSignal} [signal] Stops it; the promise rejects with the signal's reason.
 * @property {(progress: Progress) => void} [onProgress]
 * @property {number} [retries] How often a lost connection is tried again without getting one byte further
 *   (default 4).
 * @property {number} [backoff] First pause before trying again, in milliseconds, doubled each time (default 250).
 * @property {number} [stallTimeout] Milliseconds without a byte after which a connection counts as lost
 *   (default 30 000).
 */

/**
 * Fetches a sealed blob whole. Sends neither cookies nor referrer.
 *
 * @param {string | URL} url
 * @param {DownloadOptions} options
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function download(url, options) {
  const { retries = 4, backoff = 250, signal } = options;
  const body = new Body(options.maxBytes);
  /** @type {Place} */
  const place = { etag: null, total: null };
  let failures = 0;
  for (let attempt = 1; ; attempt += 1) {
    const before = body.length;
    const outcome = await once(url, options, body, place);
    if (outcome === "done") return body.take();
    failures = body.length > before ? 1 : failures + 1;
    if (failures > retries || attempt >= MOST_ATTEMPTS) throw unreachable(url, outcome.why);
    const pause = Math.min(backoff * 2 ** (failures - 1), LONGEST_PAUSE) * (0.5 + Math.random() / 2);
    await sleep(Math.max(pause, Math.min(outcome.after, LONGEST_PAUSE)), signal);
  }
}

/**
 * @typedef {{ etag: string | null, total: number | null }} Place
 * @typedef {{ why: string, after: number }} Lost
 */

/**
 * One request.
 *
 * @param {string | URL} url
 * @param {DownloadOptions} options
 * @param {Body} body
 * @param {Place} place
 * @returns {Promise<"done" | Lost>}
 */
async function once(url, options, body, place) {
  const { signal, onProgress, immutable = false, stallTimeout = 30_000 } = options;
  signal?.throwIfAborted();
  if (!place.etag && !immutable) body.clear();
  const watch = new Watch(signal, stallTimeout);
  try {
    const answer = await watch.over((watched) => request(url, options, body.length, place.etag, watched));
    if (answer instanceof Response === false && !isResponse(answer)) return lost("no answer came");
    const verdict = judge(answer, body, place);
    if (verdict !== "read") {
      await answer.body?.cancel().catch(() => {});
      return verdict;
    }
    onProgress?.({ received: body.length, total: place.total });
    return await drain(answer, body, place, watch, onProgress);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LostConnection) return lost(error.message);
    throw error;
  } finally {
    watch.stop();
  }
}
