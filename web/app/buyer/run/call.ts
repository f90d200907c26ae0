// Calls by hand: what a person types becomes arguments by the shape that the manifest gives.

import { SealpostError } from "@sealpost/plugin-sdk";
import type { OpenPlugin } from "./open";
import type { FunctionShape, ParamType } from "../../lib/types";

export type Input = string | File | undefined;

/** Longest text that a result is shown as. */
const SHOWN = 100_000;

export async function callWith(plugin: OpenPlugin, name: string, shape: FunctionShape, inputs: Input[]) {
  const values: unknown[] = [];
  for (const [place, type] of (shape.params ?? []).entries()) {
    values.push(await argument(type, inputs[place], place + 1));
  }
  return plugin.call(name, ...values);
}

async function argument(type: ParamType, input: Input, place: number): Promise<unknown> {
  const refused = (needed: string) =>
    new SealpostError("bad_argument", `argument ${place} is no ${needed}`, { hint: "change it and call again" });
  if (type === "bytes") {
    if (!(input instanceof File)) throw refused("file");
    return new Uint8Array(await input.arrayBuffer());
  }
  const text = typeof input === "string" ? input : "";
  if (type === "text") return text;
  if (type === "json") {
    try {
      return JSON.parse(text);
    } catch {
      throw refused("JSON");
    }
  }
  if (type === "i64") {
    if (!/^\s*[+-]?\d+\s*$/.test(text)) throw refused("whole number");
    return BigInt(text.trim().replace(/^\+/, ""));
  }
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw refused("number");
  if (type === "i32" && !Number.isInteger(value)) throw refused("whole number");
  return value;
}

/** A result as text. */
export function show(result: unknown): string {
  let text: string;
  if (result === undefined || result === null) text = "It gave nothing.";
  else if (result instanceof Uint8Array) {
    const start = Array.from(result.subarray(0, 256), (byte) => byte.toString(16).padStart(2, "0"));
    text = `${result.length} bytes\n${start.join(" ")}${result.length > 256 ? " …" : ""}`;
  } else if (typeof result === "object") text = JSON.stringify(result, null, 2);
  else text = String(result);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
