// Requests to the store. Who asks is told by the session's cookie, which no script can read.

import { SealpostError } from "@sealpost/plugin-sdk";

export interface Asked {
  /** Sent as JSON; a `Blob`, text or form goes as it is. */
  body?: unknown;
  headers?: Record<string, string>;
  /** So that what is sent twice happens once. */
  once?: string;
  signal?: AbortSignal;
}

/** Asks the store; what it refuses is thrown as an error with the store's code, sentence and hint. */
export async function ask<T>(method: string, path: string, { body, headers, once, signal }: Asked = {}): Promise<T> {
  const asIs = body instanceof Blob || body instanceof FormData || typeof body === "string";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      signal,
      credentials: "same-origin",
      cache: "no-store",
      headers: {
        accept: "application/json",
        ...(body !== undefined && !asIs && { "content-type": "application/json" }),
        ...(once && { "idempotency-key": once }),
        ...headers,
      },
      body: body === undefined ? undefined : asIs ? (body as BodyInit) : JSON.stringify(body),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new SealpostError("no_answer", "the store did not answer", {
      hint: "check that this device is online, and try again",
      cause,
    });
  }
  const isEmpty = answer.status === 204 || answer.headers.get("content-length") === "0";
  if (answer.ok && isEmpty) return undefined as T;
  const read = await answer.json().catch(() => undefined);
  if (answer.ok && read !== undefined) return read as T;
  const { code = "no_problem", title = `the store answered ${answer.status}`, detail, hint } = read ?? {};
  if (SIGNED_OUT.has(code)) for (const each of whenSignedOut) each();
  throw new SealpostError(code, detail || title, { hint: hint || "try again later" });
}

/** Calls `listener` when the store says that the session is over; gives back what ends that. */
export function onSignedOut(listener: () => void): () => void {
  whenSignedOut.add(listener);
  return () => whenSignedOut.delete(listener);
}

/** A path with its parts encoded, and a query of what is there. */
export function path(parts: string[], query: Record<string, string | number | boolean | undefined | null> = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === null || value === "" || value === false ? [] : [[name, String(value)]],
  );
  const search = new URLSearchParams(given).toString();
  return `/api/v1/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

const SIGNED_OUT = new Set(["sign_in_required", "session_ended", "token_expired", "token_revoked", "token_invalid"]);
const whenSignedOut = new Set<() => void>();
