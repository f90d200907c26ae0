// What kind of file somebody chose, by its first bytes: its name says nothing that can be trusted.

import { SealpostError } from "@sealpost/plugin-sdk";
import { MANIFEST_MAX, PLUGIN_MAX } from "./limits";
import type { Manifest } from "../../lib/types";

export type Kind = "gcode" | "plugin";

const HEAD = 64 << 10;

/** `gcode` for whatever is text: the reader of G-code says more. */
export async function kindOf(file: File): Promise<Kind> {
  const head = new Uint8Array(await readHead(file));
  const begins = (...bytes: number[]) => bytes.every((byte, place) => head[place] === byte);
  if (file.size === 0) throw refused("file_empty", "the file is empty", "export it again");
  if (begins(0x00, 0x61, 0x73, 0x6d)) {
    if (!begins(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)) {
      throw refused("not_wasm", "this is a WebAssembly component, and plugins are modules", "build it for `wasm32-unknown-unknown`");
    }
    if (file.size > PLUGIN_MAX) {
      throw refused("file_too_large", "a plugin has up to 64 MiB", "leave out of the module what can be fetched at run time");
    }
    return "plugin";
  }
  if (begins(0x47, 0x43, 0x44, 0x45)) {
    throw refused("binary_gcode", "this is binary G-code (.bgcode)", "switch binary G-code off in the slicer, and export it as .gcode");
  }
  if (begins(0x50, 0x4b, 0x03, 0x04)) {
    throw refused("archive", "this is an archive or a 3MF project", "slice it, and choose the .gcode file that comes out");
  }
  if (head.includes(0)) {
    throw refused("neither", "this is neither G-code nor a plugin", "choose a .gcode file of a slicer, or a .wasm module");
  }
  return "gcode";
}

async function readHead(file: File): Promise<ArrayBuffer> {
  try {
    return await file.slice(0, HEAD).arrayBuffer();
  } catch (cause) {
    throw new SealpostError("file_unreadable", "the file cannot be read", { hint: "a folder cannot be published; choose a file", cause });
  }
}

/** A title out of a file's name: one line, without its ending, without what turns lines around. */
export function titleOf(name: string): string {
  const plain = name.normalize("NFC").replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, "");
  const words = plain.replace(/\.(gcode|gco|g|wasm)$/i, "").replace(/[_\s]+/g, " ");
  return [...words.trim()].slice(0, 120).join("");
}

/** A manifest as its author wrote it. */
export async function readManifest(file: File): Promise<Manifest & Record<string, unknown>> {
  if (file.size > MANIFEST_MAX) throw refused("manifest_file", "the manifest is too large", "it has at most 48 KiB");
  return parseManifest(await file.text());
}

export function parseManifest(text: string): Manifest & Record<string, unknown> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw refused("manifest_file", `the manifest is no JSON: ${cause instanceof Error ? cause.message : ""}`, "correct it, and try again");
  }
  if (typeof read !== "object" || read === null || Array.isArray(read)) {
    throw refused("manifest_file", "the manifest is no JSON object", 'it looks like {"name": "My plugin", "version": "1.0.0", "abi": 1}');
  }
  return read as Manifest & Record<string, unknown>;
}

const refused = (code: string, sentence: string, hint: string) => new SealpostError(code, sentence, { hint });
