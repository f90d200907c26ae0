// Requests to one store. What creates or moves something carries an Idempotency-Key, so that it can be sent again when
// the connection is lost before the answer came: the store repeats its first answer.

import { SealpostError, toHex } from "@sealpost/plugin-sdk";

import { fail } from "./fail.js";

/** Milliseconds. */
const PATIENCE = 60_000;
const LONGEST_PAUSE = 8_000;
/** A proxy that has lost the store for a moment. */
const PASSING = new Set([502, 503, 504]);

/**
 * @typedef {object} Request
 * @property {"GET" | "POST" | "PATCH" | "PUT"} method
 * @property {readonly string[]} path segments below the store's address
 * @property {Record<string, string | number | boolean | undefined | null>} [query]
 * @property {unknown} [json] body
 * @property {FormData} [form] body
 * @property {boolean} [once] the request must not be sent twice: nothing tells the store that it is the same one
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} TransportOptions
 * @property {URL} store with a slash at its end
 * @property {typeof globalThis.fetch} [fetch]
 * @property {number} [retries]
 * @property {number} [backoff] milliseconds
 *
 * @typedef {{ status: number, headers: Headers, redirected: boolean, text: string }} Answer
 */

export class Transport {
  #store;
  #fetch;
  #retries;
  #backoff;
  /** @type {string | undefined} */ #token;

  /** @param {TransportOptions} options */
  constructor({ store, fetch, retries = 3, backoff = 300 }) {
    this.#store = store;
    this.#fetch = fetch;
    this.#retries = retries;
    this.#backoff = backoff;
  }

  /** @param {string | undefined} token */
  set token(token) {
    this.#token = token;
  }

  get hasToken() {
    return this.#token !== undefined;
  }

  /**
   * An address of the store.
   *
   * @param {readonly string[]} path
   * @param {Request["query"]} [query]
   */
  url(path, query = {}) {
    const url = new URL(path.map(encodeURIComponent).join("/"), this.#store);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    return url;
  }

  /**
   * What the store answers, read from its JSON.
   *
   * @param {Request} request
   * @returns {Promise<any>}
   */
  async send(request) {
    const { method, once = false, signal } = request;
    const headers = this.#headers(request);
    if (method === "POST" && !once) headers.set("idempotency-key", randomKey());
    const body = request.form ?? (request.json === undefined ? undefined : JSON.stringify(request.json));
    for (let attempt = 0; ; attempt++) {
      const last = once || attempt >= this.#retries;
      const answer = await this.#attempt(request, headers, body);
      const asked = askedPause(answer);
      if (answer && (last || !isPassing(answer.status, asked))) return this.#read(answer);
      if (last) throw this.#unreachable();
      await pause(Math.max(Math.min(this.#backoff * 2 ** attempt, LONGEST_PAUSE), asked ?? 0), signal);
    }
  }

  /** @param {Request} request */
  #headers({ json }) {
    const headers = new Headers({ accept: "application/json, application/problem+json" });
    if (json !== undefined) headers.set("content-type", "application/json");
    if (this.#token !== undefined) headers.set("authorization", `Bearer ${this.#token}`);
    return headers;
  }

  /**
   * None where no answer came.
   *
   * @param {Request} request
   * @param {Headers} headers
   * @param {FormData | string | undefined} body
   * @returns {Promise<Answer | undefined>}
   */
  async #attempt({ method, path, query, form, signal }, headers, body) {
    signal?.throwIfAborted();
    const fetch = this.#fetch ?? globalThis.fetch;
    const controller = new AbortController();
    const forward = () => controller.abort();
    signal?.addEventListener("abort", forward, { once: true });
    // An upload takes as long as it takes.
    const timer = form ? undefined : setTimeout(forward, PATIENCE);
    try {
      const answer = await fetch(this.url(path, query), {
        method,
        headers,
        body,
        signal: controller.signal,
        // People sign in by token here, and a redirect would take that to an address nobody named.
        credentials: "omit",
        redirect: "manual",
        referrerPolicy: "no-referrer",
        cache: "no-store",
      });
      const redirected = answer.type === "opaqueredirect" || (answer.status >= 300 && answer.status < 400);
      return { status: answer.status, headers: answer.headers, redirected, text: redirected ? "" : await answer.text() };
    } catch {
      signal?.throwIfAborted();
      return undefined;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", forward);
    }
  }

  /** @param {Answer} answer */
  #read(answer) {
    if (answer.redirected) {
      throw fail("redirected", `${this.#store.origin} sends us elsewhere`, "Give the store's own address.");
    }
    if (answer.status === 204) return undefined;
    const json = parsed(answer.text);
    if (answer.status >= 400) throw this.#refused(answer, json);
    if (json === undefined) throw this.#noStore(answer);
    return json;
  }

  /**
   * @param {Answer} answer
   * @param {any} problem
   */
  #refused(answer, problem) {
    const isProblem = answer.headers.get("content-type")?.startsWith("application/problem+json");
    if (!isProblem || typeof problem?.code !== "string") return this.#noStore(answer);
    const { code, title, detail, hint } = problem;
    const retryAfter = askedPause(answer);
    return new SealpostError(code, String(detail || title || code), {
      hint: hint ? String(hint) : undefined,
      detail: { status: answer.status, title, ...(retryAfter !== undefined && { retryAfter }) },
    });
  }

  /** @param {Answer} answer */
  #noStore({ status }) {
    const sentence = `${this.#store.origin} answered as no store does (${status})`;
    return fail("not_a_store", sentence, "Check that this is the address of a Sealpost store.", { status });
  }

  #unreachable() {
    return fail(
      "unreachable",
      `${this.#store.origin} could not be reached`,
      "Check the connection and the store's address; in a page, check that its Content-Security-Policy allows it (connect-src).",
    );
  }
}

/**
 * Whether it is worth asking again soon: what asks for long patience is told to the person.
 *
 * @param {number} status
 * @param {number | undefined} asked
 */
function isPassing(status, asked) {
  if (asked !== undefined && asked > LONGEST_PAUSE) return false;
  return PASSING.has(status) || (status === 429 && asked !== undefined);
}

/**
 * Milliseconds of patience that an answer asks for.
 *
 * @param {Answer | undefined} answer
 */
function askedPause(answer) {
  const seconds = answer?.headers.get("retry-after");
  return seconds && /^\d{1,9}$/.test(seconds) ? 1000 * Number(seconds) : undefined;
}

/** @param {string} text */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const randomKey = () => toHex(crypto.getRandomValues(new Uint8Array(16)));

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });
}
