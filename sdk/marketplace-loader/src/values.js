// How values cross between JavaScript and a plugin: interface ABI 1.

import { fail } from "./fail.js";
import { Memory } from "./memory.js";

/** @typedef {"i32" | "i64" | "f32" | "f64" | "bytes" | "text" | "json"} ValueType */

/**
 * What a function takes and gives, as the manifest says.
 *
 * @typedef {object} Declared
 * @property {ValueType[]} params
 * @property {ValueType | "none"} result
 */

/** @type {readonly ValueType[]} */
const TYPES = ["i32", "i64", "f32", "f64", "bytes", "text", "json"];
/** @type {ReadonlySet<string>} */
const BUFFERS = new Set(["bytes", "text", "json"]);

/**
 * @param {unknown} type
 * @returns {type is ValueType}
 */
export const isType = (type) => TYPES.some((known) => known === type);

/** @param {string} type */
export const isBuffer = (type) => BUFFERS.has(type);

/**
 * The types of WebAssembly that a declared function has.
 *
 * @param {Declared} declared
 */
export function lowered({ params, result }) {
  return {
    params: params.flatMap((type) => (isBuffer(type) ? ["i32", "i32"] : [type])),
    results: result === "none" ? [] : [isBuffer(result) ? "i64" : result],
  };
}

/**
 * A number as an exported function takes it.
 *
 * @param {string} type
 * @param {unknown} value
 * @param {string} what such as "argument 1 of `compute`"
 * @returns {number | bigint}
 */
export function toNumber(type, value, what) {
  if (type === "i64") {
    if (typeof value === "bigint" && value >= -(2n ** 63n) && value < 2n ** 64n) return value;
    if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
    throw badValue(what, "a BigInt of 64 bits or a safe integer");
  }
  if (typeof value !== "number") throw badValue(what, "a number");
  if (type === "i32" && !(Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32)) {
    throw badValue(what, "a whole number of 32 bits");
  }
  return value;
}

/**
 * What goes into the plugin's memory for a value.
 *
 * @param {string} type
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
export function toBytes(type, value, what) {
  if (type === "bytes") {
    if (value instanceof ArrayBuffer) return new Uint8Array(value);
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    throw badValue(what, "bytes (a Uint8Array)");
  }
  if (type === "text" && typeof value !== "string") throw badValue(what, "text");
  return new TextEncoder().encode(type === "json" ? toJson(value, what) : String(value));
}

/**
 * @param {string} type
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} name of the function
 * @returns {unknown}
 */
export function fromBytes(type, bytes, name) {
  if (type === "bytes") return bytes;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return type === "json" ? JSON.parse(text) : text;
  } catch {
    throw badResult(name, text === undefined ? "it is not UTF-8" : "it is not JSON");
  }
}

/**
 * The place in memory that a result of 64 bits names, `ptr << 32 | len`; none for 0.
 *
 * @param {unknown} packed
 * @param {Memory} memory
 * @param {string} name
 */
export function place(packed, memory, name) {
  if (typeof packed !== "bigint") throw badResult(name, "it is not a number of 64 bits");
  const bits = BigInt.asUintN(64, packed);
  if (bits === 0n) return undefined;
  const pointer = Number(bits >> 32n);
  const length = Number(bits & 0xffff_ffffn);
  if (pointer + length > memory.size) throw badResult(name, "it lies outside of the plugin's memory");
  return { pointer, length };
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function toJson(value, what) {
  let json;
  try {
    json = JSON.stringify(value);
  } catch {
    json = undefined;
  }
  if (json === undefined) throw badValue(what, "a value that JSON can hold");
  return json;
}

/**
 * @param {string} what
 * @param {string} expected
 */
export function badValue(what, expected) {
  return fail("plugin_argument", `${what} is not ${expected}`, "Compare the call with the plugin's manifest.");
}

/**
 * @param {string} name
 * @param {string} why
 */
export function badResult(name, why) {
  return fail("plugin_result", `what \`${name}\` gave back cannot be used: ${why}`, "Report it to the plugin's publisher.");
}
