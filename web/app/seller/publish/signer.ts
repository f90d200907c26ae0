// The key that signs a seller's plugins: in this browser, in a recovery phrase, or in a file of the command line.

import { SealpostError, fromHex, publisherFromMnemonic, publisherFromSeed, toHex, type Signer } from "@sealpost/plugin-sdk";

/** Signs, and says as whom. */
export interface Held {
  publicKey: string;
  signer: Signer;
  dispose(): void;
}

const DATABASE = "sealpost-publisher";
const STORE = "keys";

interface Kept {
  /** Whose: several people may use one browser. */
  account: string;
  publicKey: string;
  pair: CryptoKeyPair;
}

/** The key that this browser keeps for an account, where it does. */
export async function keptSigner(account: string): Promise<Held | undefined> {
  const kept = await inStore<Kept | undefined>("readonly", (store) => store.get(account));
  return kept && { publicKey: kept.publicKey, signer: kept.pair, dispose() {} };
}

/** Makes one that no script can read out, and keeps it. */
export async function makeSigner(account: string): Promise<Held> {
  const earlier = await keptSigner(account);
  if (earlier) return earlier;
  let pair: CryptoKeyPair;
  try {
    pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
  } catch (cause) {
    throw new SealpostError("signer_unsupported", "this browser makes no signing keys", {
      hint: "take a recovery phrase, or a newer browser",
      cause,
    });
  }
  const publicKey = toHex(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const kept: Kept = { account, publicKey, pair };
  await inStore("readwrite", (store) => store.add(kept)).catch((error: unknown) => {
    // Another tab was faster: its key counts.
    if (!(error instanceof DOMException && error.name === "ConstraintError")) throw error;
  });
  await navigator.storage?.persist?.().catch(() => false);
  const found = await keptSigner(account);
  if (!found) {
    throw new SealpostError("wallet_storage", "the browser does not keep keys for this page", { hint: "take a recovery phrase" });
  }
  return found;
}

export async function phraseSigner(words: string): Promise<Held> {
  return held(await publisherFromMnemonic(words));
}

/** Of a file that `sealpost publisher-key new` wrote: 64 hex digits. */
export async function fileSigner(file: Blob): Promise<Held> {
  const text = file.size <= 200 ? (await file.text()).trim() : "";
  const seed = /^[0-9a-f]{64}$/i.test(text) ? fromHex(text) : undefined;
  if (!seed) {
    throw new SealpostError("signing_key_file", "this file is no signing key", {
      hint: "choose the file that `sealpost publisher-key new` wrote: 64 hex digits",
    });
  }
  return held(await publisherFromSeed(seed));
}

const held = (key: Awaited<ReturnType<typeof publisherFromSeed>>): Held => ({
  publicKey: key.publicKey,
  signer: { publicKey: key.publicKey, sign: (bytes) => key.sign(bytes) },
  dispose: () => key.dispose(),
});

async function inStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "account" });
  const database = await answer<IDBDatabase>(opening);
  try {
    const running = database.transaction(STORE, mode, { durability: "strict" });
    const done = new Promise<void>((resolve, reject) => {
      running.oncomplete = () => resolve();
      running.onabort = () => reject(running.error);
    });
    const [result] = await Promise.all([answer<T>(work(running.objectStore(STORE))), done]);
    return result;
  } finally {
    database.close();
  }
}

function answer<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error);
  });
}
