// Reads and seals files beside the page, so that the page stays quick. Runs as a dedicated worker; one task each.

import { SealpostError } from "@sealpost/plugin-sdk";
import type { GcodeReading, SealedFile, Task } from "./messages";
import { sealForVault } from "./seal";
import { openSpool } from "./spool";

/** Bytes between two words about how far it is. */
const STEP = 1 << 20;

self.addEventListener("message", ({ data }: MessageEvent<Task>) => {
  const work: Promise<GcodeReading | SealedFile> = data.do === "read" ? read(data.file, data.reader) : seal(data);
  work.then(
    (done) => self.postMessage({ done }),
    (error: unknown) => self.postMessage({ failed: told(error) }),
  );
});

async function read(file: File, reader: string): Promise<GcodeReading> {
  const module = await (await fetch(reader)).arrayBuffer();
  const { instance } = await WebAssembly.instantiate(module);
  const { memory, begin, room, feed, finish } = instance.exports as unknown as Reader;
  begin();
  for await (const piece of pieces(file)) {
    const at = room(piece.length);
    if (at === 0) throw new SealpostError("no_memory", "this device has too little memory to read the file");
    new Uint8Array(memory.buffer, at, piece.length).set(piece);
    feed(piece.length);
  }
  const answer = BigInt.asUintN(64, finish());
  const bytes = new Uint8Array(memory.buffer, Number(answer >> 32n), Number(answer & 0xffff_ffffn));
  return JSON.parse(new TextDecoder().decode(bytes)) as GcodeReading;
}

interface Reader {
  memory: WebAssembly.Memory;
  begin(): void;
  room(length: number): number;
  feed(length: number): void;
  finish(): bigint;
}

async function seal({ file, spool: name, vault }: Extract<Task, { do: "seal" }>): Promise<SealedFile> {
  const spool = await openSpool(name);
  try {
    const sealed = await sealForVault(pieces(file), vault, (piece) => spool.write(piece));
    if (sealed.plain_size !== file.size) throw changed();
    return { blob: await spool.finish(), sealed };
  } catch (error) {
    await spool.discard();
    throw error;
  }
}

/** The file, a little at a time. */
async function* pieces(file: File): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = file.stream().getReader();
  let [read, last] = [0, 0];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
      read += value.length;
      if (read - last >= STEP || read === file.size) self.postMessage({ progress: (last = read) });
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

const changed = () =>
  new SealpostError("file_changed", "the file changed while it was read", { hint: "choose it again when it is finished" });

function told(error: unknown) {
  if (error instanceof SealpostError) return { code: error.code, message: error.message, hint: error.hint };
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotReadableError" || name === "NotFoundError") return told(changed());
  if (name === "QuotaExceededError") {
    const room = "there is no room on this device for the sealed copy";
    return { code: "no_room", message: room, hint: "make room, or publish with the command line, which needs none" };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "sealing_failed", message: `the file could not be read: ${message}`, hint: "choose the file again" };
}
