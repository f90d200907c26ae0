// Sending a release. By XMLHttpRequest: it alone tells how much was sent, and takes a file from disk without holding it.

import { SealpostError } from "@sealpost/plugin-sdk";
import type { Release } from "../../lib/types";

interface Options {
  /** So that what is sent again is one release. */
  once: string;
  signal: AbortSignal;
  onProgress(bytes: number): void;
}

export function send(form: FormData, { once, signal, onProgress }: Options): Promise<Release> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", stop);
    request.open("POST", "/api/v1/releases");
    request.responseType = "json";
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("idempotency-key", once);
    request.upload.addEventListener("progress", ({ loaded }) => onProgress(loaded));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) return reject(signal.reason);
      const { status, response } = request;
      if (status === 201 && response) return resolve(response as Release);
      reject(refused(status, response as Partial<Problem> | null));
    });
    request.send(form);
  });
}

interface Problem {
  code: string;
  title: string;
  detail: string;
  hint: string;
}

function refused(status: number, problem: Partial<Problem> | null): SealpostError {
  if (status === 0) {
    return new SealpostError("connection_lost", "the connection was lost before everything was sent", {
      hint: "what you typed and the sealed copy are kept: send it again when you are online",
    });
  }
  const { code = "no_problem", title = `the store answered ${status}`, detail, hint = "try again later" } = problem ?? {};
  return new SealpostError(code, detail || title, { hint });
}
