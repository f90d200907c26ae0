// Sealed blobs in the browser's Cache Storage. What is kept there is ciphertext, known by its hash.

/** The cache where nothing else is said. */
export const BLOB_CACHE = "sealpost-blobs";

/** Cache Storage wants addresses; nothing is ever asked of this one (RFC 6761). */
const PLACE = "https://blobs.invalid/";

/**
 * @typedef {object} BlobCache
 * @property {() => Promise<Uint8Array<ArrayBuffer> | undefined>} read
 * @property {(bytes: Uint8Array<ArrayBuffer>) => Promise<void>} write
 * @property {() => Promise<void>} forget
 */

/**
 * The place of one blob. Without Cache Storage, or where that fails, nothing is kept and nothing is found.
 *
 * @param {boolean | string | undefined} cache whether to keep, and under which name
 * @param {string | undefined} id the blob's hash or CID
 * @returns {BlobCache | undefined}
 */
export function blobCache(cache, id) {
  if (!cache || !id || typeof caches === "undefined") return undefined;
  const opened = () => caches.open(cache === true ? BLOB_CACHE : cache);
  const address = PLACE + encodeURIComponent(id);
  return {
    async read() {
      const kept = await quietly(async () => (await opened()).match(address));
      return kept && quietly(async () => new Uint8Array(await kept.arrayBuffer()));
    },
    async write(bytes) {
      const answer = new Response(bytes, { headers: { "content-type": "application/octet-stream" } });
      await quietly(async () => (await opened()).put(address, answer));
    },
    async forget() {
      await quietly(async () => (await opened()).delete(address));
    },
  };
}

/**
 * Forgets all blobs that were kept.
 *
 * @param {string} [name] of the cache
 */
export async function forgetBlobs(name = BLOB_CACHE) {
  if (typeof caches !== "undefined") await caches.delete(name);
}

/**
 * A cache that fails is a cache that has nothing: storage may be full or forbidden.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
async function quietly(work) {
  try {
    return await work();
  } catch {
    return undefined;
  }
}
