// The vectors that the Rust crates are held against too; `tests/vectors/README.md` says who made them.

import { readFileSync } from "node:fs";

import { fromHex } from "../../src/bytes.js";

const FOLDER = new URL("../../../../tests/vectors/", import.meta.url);

/**
 * @param {string} file
 * @returns {any}
 */
export const vectors = (file) => JSON.parse(text(file));

/** @param {string} file */
export const text = (file) => readFileSync(new URL(file, FOLDER), "utf8");

/**
 * @param {string} hex
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytes(hex) {
  const read = fromHex(hex);
  if (!read) throw new Error(`no hex: ${hex}`);
  return read;
}
