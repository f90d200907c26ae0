// Tasks for the worker, from the page's side.

import { SealpostError } from "@sealpost/plugin-sdk";
import type { GcodeReading, News, SealedFile, Task } from "./messages";
import workerUrl from "./worker?worker&url";

/** The module that reads G-code, where the front end was built with it. */
const found = import.meta.glob<string>("./reader.wasm", { query: "?url", import: "default", eager: true });
const reader = found["./reader.wasm"];

export const canRead = reader !== undefined;

/** Reads a G-code file: what its slicer says, and whether it can be published. */
export function read(file: File, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<GcodeReading> {
  return run({ do: "read", file, reader: new URL(reader ?? "", location.href).href }, signal, onProgress);
}

export function sealBeside(
  file: File,
  spool: string,
  vault: { curve: string; public_key: string },
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<SealedFile> {
  return run({ do: "seal", file, spool, vault }, signal, onProgress);
}

function run<T>(task: Task, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(address(workerUrl) as unknown as string, { type: "module", name: "sealing" });
    const end = () => {
      worker.terminate();
      signal.removeEventListener("abort", stop);
    };
    const stop = () => {
      end();
      reject(signal.reason);
    };
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop);
    worker.addEventListener("message", ({ data }: MessageEvent<News<T>>) => {
      if ("progress" in data) return onProgress(data.progress);
      end();
      if ("done" in data) resolve(data.done);
      else reject(new SealpostError(data.failed.code, data.failed.message, { hint: data.failed.hint }));
    });
    worker.addEventListener("error", () => {
      end();
      reject(
        new SealpostError("worker_failed", "the part of the page that seals files did not start", {
          hint: "load the page again; if it stays, publish with the command line",
        }),
      );
    });
    worker.postMessage(task);
  });
}

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

/** Browsers with trusted types start nothing from a plain text: the one address that is let through is the worker's. */
let policy: ReturnType<Policies["createPolicy"]> | undefined;

function address(url: string): unknown {
  const types = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (!types) return url;
  policy ??= types.createPolicy("sealpost-worker", {
    createScriptURL(wanted) {
      if (wanted === workerUrl) return wanted;
      throw new TypeError("no such worker");
    },
  });
  return policy.createScriptURL(url);
}
