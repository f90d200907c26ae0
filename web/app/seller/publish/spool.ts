// Where sealed bytes lie between sealing and sending: in a file of this origin where the browser has such files, else in pieces that
// it keeps wherever it likes. Nothing that is not sealed comes here.

const FOLDER = "sealed";
/** What an earlier visit left, older than this, is thrown away. */
const OLD_MS = 24 * 3600 * 1000;
/** How often, and how far apart, a copy that is still held is thrown away. */
const TRIES = 50;
const PAUSE_MS = 100;
/** Bytes collected before they are handed to the browser. */
const PIECE = 4 << 20;

export interface Spool {
  write(sealed: Uint8Array): void | Promise<void>;
  finish(): Promise<Blob>;
  discard(): Promise<void>;
}

export function newName(): string {
  return `${Date.now()}-${crypto.randomUUID()}`;
}

/** For a worker: only there files are written at once. */
export async function openSpool(name: string): Promise<Spool> {
  try {
    return await inFile(name);
  } catch (error) {
    if (error instanceof DOMException && error.name === "QuotaExceededError") throw error;
    // Private windows, and browsers without such files.
    return inPieces();
  }
}

/** Throws a sealed copy away, wherever it is. */
export async function discardSpool(name: string): Promise<void> {
  for (let left = TRIES; left > 0; left--) {
    try {
      return await (await folder()).removeEntry(name);
    } catch (error) {
      // It was none, or is gone already; or the worker that wrote it has not let go of it yet.
      if (!(error instanceof DOMException && error.name === "NoModificationAllowedError")) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** Throws away what visits that ended early left behind. */
export async function tidySpools(now = Date.now()): Promise<void> {
  try {
    const place = await folder();
    for await (const name of place.keys()) {
      if (now - Number(name.split("-")[0]) > OLD_MS) await place.removeEntry(name).catch(() => {});
    }
  } catch {
    // There are no such files here.
  }
}

async function folder(): Promise<FileSystemDirectoryHandle & { keys(): AsyncIterable<string> }> {
  const root = await navigator.storage.getDirectory();
  return (await root.getDirectoryHandle(FOLDER, { create: true })) as FileSystemDirectoryHandle & { keys(): AsyncIterable<string> };
}

/** What `createSyncAccessHandle` gives; the types of the page do not know it. */
interface Access {
  write(bytes: Uint8Array, at: { at: number }): number;
  flush(): void;
  close(): void;
}

async function inFile(name: string): Promise<Spool> {
  const handle = (await (await folder()).getFileHandle(name, { create: true })) as FileSystemFileHandle & {
    createSyncAccessHandle(): Promise<Access>;
  };
  const access = await handle.createSyncAccessHandle();
  let size = 0;
  return {
    write(sealed) {
      for (let from = 0; from < sealed.length; ) {
        const written = access.write(sealed.subarray(from), { at: size });
        if (written === 0) throw new DOMException("nothing more is written", "QuotaExceededError");
        from += written;
        size += written;
      }
    },
    async finish() {
      access.flush();
      access.close();
      return handle.getFile();
    },
    async discard() {
      access.close();
      await discardSpool(name);
    },
  };
}

function inPieces(): Spool {
  let pieces: Blob[] = [];
  let held: Uint8Array[] = [];
  let size = 0;
  function flush() {
    pieces.push(new Blob(held as Uint8Array<ArrayBuffer>[]));
    [held, size] = [[], 0];
  }
  return {
    write(sealed) {
      held.push(sealed);
      size += sealed.length;
      if (size >= PIECE) flush();
    },
    async finish() {
      flush();
      return new Blob(pieces);
    },
    async discard() {
      [pieces, held] = [[], []];
    },
  };
}
