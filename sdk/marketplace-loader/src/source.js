// Where a sealed blob comes from: the bundle itself, an address, a CID.

import { blobCache } from "./cache.js";
import { identity } from "./blob-id.js";
import { download, tooLarge } from "./download.js";
import { fail } from "./fail.js";
import { sealedBytes } from "./sealed.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("./download.js").Progress} Progress */

/** Most bytes of a sealed blob: AES-256-GCM opens a file as a whole. */
export const MAX_BYTES = 64 << 20;

/**
 * What names a sealed blob.
 *
 * @typedef {object} BlobSource
 * @property {string | ArrayBuffer | ArrayBufferView | Blob} [encryptedData] the blob itself: bytes or base64
 * @property {string | URL} [blobUrl] where it is fetched
 * @property {string | URL} [url] the same
 * @property {string | null} [cid] its CID, fetched through `gateways`
 * @property {string | null} [blobSha256] lower hex of its SHA-256
 *
 * @typedef {object} SourceOptions
 * @property {readonly (string | URL)[]} [gateways] IPFS gateways that are asked for a CID, one after the other, such as
 *   `https://ipfs.io`
 * @property {boolean} [allowUnverifiedCid] takes a blob whose CID was made with other settings than
 *   `ipfs add --cid-version=1` and cannot be checked; tag and `wasmHash` still are
 * @property {string | URL} [baseUrl] what a relative `blobUrl` is relative to (default: the page)
 * @property {number} [maxBytes] most bytes of the sealed blob (default 64 MiB)
 * @property {boolean | string} [cache] keeps the sealed blob in Cache Storage, under this name or the default one
 * @property {(progress: Progress) => void} [onProgress] told while the blob is fetched
 * @property {AbortSignal} [signal] stops the download; the promise rejects with the signal's reason
 * @property {typeof globalThis.fetch} [fetch] what requests are made with
 * @property {number} [retries] how often a lost connection is tried again without getting one byte further (default 4)
 * @property {number} [backoff] first pause before trying again, in milliseconds, doubled each time (default 250)
 * @property {number} [stallTimeout] milliseconds without a byte after which a connection counts as lost (default 30 000)
 */

/**
 * The sealed blob, held against `blobSha256` and, where it came by its CID, against that.
 *
 * @param {BlobSource} source
 * @param {SourceOptions} [options]
 * @returns {Promise<Bytes>}
 */
export async function fetchSealed(source, options = {}) {
  const { maxBytes = MAX_BYTES, signal } = options;
  signal?.throwIfAborted();
  if (source.encryptedData !== undefined && source.encryptedData !== null) {
    const bytes = await sealedBytes(source.encryptedData);
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    await checkHash(bytes, source);
    return bytes;
  }
  const cache = blobCache(options.cache, source.blobSha256 ?? source.cid ?? undefined);
  const kept = await cache?.read();
  if (kept && (await isSame(kept, source, options))) {
    options.onProgress?.({ received: kept.length, total: kept.length });
    return kept;
  }
  if (kept) await cache?.forget();
  const fetched = await fromNetwork(source, { ...options, maxBytes });
  await cache?.write(fetched);
  return fetched;
}

/**
 * @param {BlobSource} source
 * @param {SourceOptions & { maxBytes: number }} options
 * @returns {Promise<Bytes>}
 */
async function fromNetwork(source, options) {
  const places = addresses(source, options);
  const immutable = Boolean(source.blobSha256 ?? source.cid);
  let failure = nowhere(source);
  for (const { url, byCid } of places) {
    try {
      const bytes = await download(url, { ...options, immutable });
      await checkHash(bytes, source);
      if (byCid) await checkCid(bytes, source, options);
      return bytes;
    } catch (error) {
      options.signal?.throwIfAborted();
      // What is said last would be of the last gateway; the first failure is the one to look into.
      if (places.length === 1) throw error;
      failure = places[0]?.url === url ? /** @type {typeof failure} */ (error) : failure;
    }
  }
  throw failure;
}

/**
 * @param {BlobSource} source
 * @param {SourceOptions} options
 * @returns {{ url: URL, byCid: boolean }[]}
 */
function addresses(source, { gateways = [], baseUrl }) {
  const found = [];
  const url = source.blobUrl ?? source.url;
  if (url !== undefined && url !== null) found.push({ url: absolute(url, baseUrl), byCid: false });
  if (source.cid) {
    for (const gateway of gateways) found.push({ url: throughGateway(gateway, source.cid, baseUrl), byCid: true });
  }
  return found;
}

/**
 * @param {string | URL} url
 * @param {string | URL} [baseUrl]
 */
function absolute(url, baseUrl) {
  const base = baseUrl ?? globalThis.location?.href;
  const parsed = URL.canParse(String(url), base && String(base)) ? new URL(url, base) : undefined;
  if (parsed && /^(https?|data|blob):$/.test(parsed.protocol)) return parsed;
  throw fail(
    "blob_url",
    "the address of the sealed blob cannot be fetched from here",
    "Give an absolute https address, or the store's as `baseUrl`.",
  );
}

/**
 * @param {string | URL} gateway
 * @param {string} cid
 * @param {string | URL} [baseUrl]
 */
function throughGateway(gateway, cid, baseUrl) {
  if (!/^[A-Za-z0-9]{10,128}$/.test(cid)) throw fail("blob_cid", "the bundle's CID is none", "Fetch the bundle again.");
  const text = String(gateway).replace(/\/+$/, "").replace(/\/ipfs$/, "");
  return absolute(`${text}/ipfs/${cid}`, baseUrl);
}

/**
 * @param {Bytes} bytes
 * @param {BlobSource} source
 */
async function checkHash(bytes, { blobSha256 }) {
  if (!blobSha256) return;
  if ((await identity(bytes)).sha256 === blobSha256.toLowerCase()) return;
  throw fail(
    "blob_wrong_hash",
    "the sealed blob is not the one the bundle names: its SHA-256 is another",
    "Fetch bundle and blob again; they do not belong together.",
  );
}

/**
 * @param {Bytes} bytes
 * @param {BlobSource} source
 * @param {SourceOptions} options
 */
async function checkCid(bytes, { cid }, { allowUnverifiedCid = false }) {
  if (!cid || allowUnverifiedCid || (await (await identity(bytes)).hasCid(cid))) return;
  throw fail(
    "blob_wrong_cid",
    "the sealed blob is not the one its CID names",
    "Try another gateway. A CID that was not made as `ipfs add --cid-version=1` does cannot be checked: say `allowUnverifiedCid`.",
  );
}

/**
 * @param {Bytes} bytes
 * @param {BlobSource} source
 * @param {SourceOptions} options
 */
async function isSame(bytes, source, options) {
  try {
    await checkHash(bytes, source);
    if (!source.blobSha256) await checkCid(bytes, source, options);
    return true;
  } catch {
    return false;
  }
}

/** @param {BlobSource} source */
function nowhere({ cid }) {
  return fail(
    "bundle_no_data",
    "the bundle comes without its data",
    cid
      ? "Say by `gateways` where CIDs are fetched, such as `[\"https://ipfs.io\"]`, or give the blob as `encryptedData`."
      : "Give the blob as `encryptedData`, or its address as `url`.",
  );
}
