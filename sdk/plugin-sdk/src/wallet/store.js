// The browser's store for keys that it does not give away.

import { SealpostError } from "../error.js";

/** @typedef {import("./device.js").Kept} Kept */

const DATABASE = "sealpost-keys";
const STORE = "keys";

/**
 * @typedef {object} KeyStore
 * @property {(name: string) => Promise<Kept | undefined>} get
 * @property {() => Promise<Kept[]>} getAll
 * @property {(kept: Kept) => Promise<unknown>} put
 */

/**
 * Runs in one transaction, and waits until it is on disk.
 *
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: KeyStore) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inStore(mode, work) {
  return transaction(mode, (store) =>
    work({
      get: (name) => answer(store.get(name)),
      getAll: () => answer(store.getAll()),
      put: (kept) => answer(store.put(kept)),
    }),
  );
}

/**
 * @param {string} name
 * @returns {Promise<void>}
 */
export async function removeFromStore(name) {
  await transaction("readwrite", (store) => answer(store.delete(name)));
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function transaction(mode, work) {
  const factory = globalThis.indexedDB;
  if (!factory) throw new SealpostError("wallet_storage", "there is no IndexedDB here to keep keys in");
  /** @type {IDBDatabase | undefined} */
  let database;
  try {
    database = await open(factory);
    const running = database.transaction(STORE, mode, { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      running.oncomplete = () => resolve(undefined);
      running.onabort = () => reject(running.error);
    });
    const [result] = await Promise.all([work(running.objectStore(STORE)), done]);
    return result;
  } catch (error) {
    if (error instanceof SealpostError) throw error;
    const name = error instanceof Error ? error.name : "unknown";
    throw new SealpostError("wallet_storage", `the browser does not keep keys for this page (${name})`);
  } finally {
    database?.close();
  }
}

/**
 * @param {IDBFactory} factory
 * @returns {Promise<IDBDatabase>}
 */
function open(factory) {
  const request = factory.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "name" });
  return answer(request);
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
