// The key that this browser keeps: made here, cannot be exported, lies in IndexedDB as the browser's own object.

import { SealpostError, asWallet } from "@sealpost/plugin-sdk";
import type { Holder } from "../keys.svelte";

const DATABASE = "sealpost";
const TABLE = "keys";
const NAME = "this-browser";
const ALGORITHM: EcKeyGenParams = { name: "ECDH", namedCurve: "P-256" };

/** The kept key, where there is one. */
export async function keptKey(): Promise<Holder | undefined> {
  const pair = await run<CryptoKeyPair | undefined>("readonly", (keys) => keys.get(NAME));
  return pair && holderOf(pair);
}

/** The kept key, made where there is none. */
export async function makeKeptKey(): Promise<Holder> {
  const known = await keptKey();
  if (known) return known;
  const made = await crypto.subtle.generateKey(ALGORITHM, false, ["deriveBits"]);
  // Another tab may have been faster: what is there stays.
  await run("readwrite", (keys) => keys.add(made, NAME)).catch((error: unknown) => {
    if (!(error instanceof DOMException && error.name === "ConstraintError")) throw error;
  });
  // A browser that is short of space asks before it drops what is persistent.
  await navigator.storage?.persist?.().catch(() => false);
  const kept = await keptKey();
  if (!kept) throw unavailable();
  return kept;
}

async function holderOf(pair: CryptoKeyPair): Promise<Holder> {
  const wallet = await asWallet(pair);
  const public_key = wallet.publicKey ?? "";
  return {
    kind: "browser",
    recipient: async () => ({ curve: wallet.curve, public_key, name: browserName() }),
    walletFor: async (device) => (device.public_key === public_key ? wallet : undefined),
    dispose() {},
  };
}

/** Such as "Firefox on Linux", for a list of devices; not to tell browsers apart. */
export function browserName(): string {
  const agent = navigator.userAgent;
  const is = (names: [string, string][]) => names.find(([sign]) => agent.includes(sign))?.[1];
  const browser = is([
    ["Edg/", "Edge"],
    ["OPR/", "Opera"],
    ["Firefox/", "Firefox"],
    ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
  ]);
  const system = is([
    ["Android", "Android"],
    ["iPhone", "iPhone"],
    ["iPad", "iPad"],
    ["Windows", "Windows"],
    ["Mac OS", "macOS"],
    ["CrOS", "ChromeOS"],
    ["Linux", "Linux"],
  ]);
  return [browser ?? "Browser", system].filter(Boolean).join(" on ");
}

async function run<T>(mode: IDBTransactionMode, act: (keys: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(TABLE, mode);
      const request = act(transaction.objectStore(TABLE));
      transaction.oncomplete = () => resolve(request.result as T);
      transaction.onabort = () => reject(transaction.error ?? unavailable());
    });
  } finally {
    database.close();
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(unavailable());
  });
}

const unavailable = () =>
  new SealpostError("key_not_kept", "this browser does not keep keys", {
    hint: "leave private browsing, or use a passkey or a recovery phrase",
  });
