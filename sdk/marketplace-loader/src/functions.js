// What the manifest says of a plugin's functions, held against the module.

import { fail } from "./fail.js";
import { isBuffer, isType, lowered } from "./values.js";

/** @typedef {import("./values.js").Declared} Declared */
/** @typedef {import("./wasm-file.js").Signature} Signature */

/** The plugin interface that this loader speaks. */
export const ABI = 1;

/** Types of what a plugin exports for passing buffers. */
const ALLOCATOR = { malloc: "(i32) -> i32", free: "(i32)" };

/**
 * The functions that a manifest declares.
 *
 * @param {Record<string, unknown>} manifest
 * @returns {Map<string, Declared>}
 */
export function declared(manifest) {
  const { abi = ABI, functions = {} } = manifest;
  if (abi !== ABI) {
    throw fail(
      "plugin_abi",
      `the plugin speaks interface ${JSON.stringify(abi)}, this loader speaks ${ABI}`,
      "Update the loader, or ask the publisher for a version for this interface.",
    );
  }
  if (!isRecord(functions)) throw badManifest("`functions` is not an object");
  const found = new Map();
  for (const [name, said] of Object.entries(functions)) {
    if (!isRecord(said)) throw badManifest(`the function \`${name}\` is not described by an object`);
    const { params = [], result = "none" } = said;
    if (!Array.isArray(params) || !params.every(isType)) throw badManifest(`\`${name}\` has params of unknown types`);
    if (result !== "none" && !isType(result)) throw badManifest(`\`${name}\` has a result of an unknown type`);
    found.set(name, { params: [...params], result });
  }
  return found;
}

/**
 * Refuses a module that lacks what its manifest declares, or has it with other types.
 *
 * @param {Map<string, Declared>} functions
 * @param {WebAssembly.Module} module
 * @param {Map<string, Signature>} signatures empty where they are not known
 */
export function checkExports(functions, module, signatures) {
  const exported = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]));
  for (const [name, said] of functions) {
    if (exported.get(name) !== "function") throw missing(`the function \`${name}\``);
    const signature = signatures.get(name);
    if (signature && shown(signature) !== shown(lowered(said))) {
      throw fail(
        "plugin_signature",
        `\`${name}\` is ${shown(signature)} in the plugin, its manifest makes it ${shown(lowered(said))}`,
        "Report it to the publisher.",
      );
    }
  }
  if (![...functions.values()].some(usesBuffers)) return;
  if (exported.get("memory") !== "memory") throw missing("`memory`");
  for (const [name, type] of Object.entries(ALLOCATOR)) {
    const signature = signatures.get(name);
    if (exported.get(name) !== "function" || (signature && shown(signature) !== type)) {
      throw missing(`\`${name}${type}\``);
    }
  }
}

/** @param {Declared} declared */
function usesBuffers({ params, result }) {
  return params.some(isBuffer) || isBuffer(result);
}

/** @param {Signature} signature */
function shown({ params, results }) {
  return `(${params.join(", ")})${results.length > 0 ? ` -> ${results.join(", ")}` : ""}`;
}

/** @param {string} what */
function missing(what) {
  return fail("plugin_export_missing", `the plugin does not export ${what}`, "Report it to the publisher.");
}

/** @param {string} why */
function badManifest(why) {
  return fail("plugin_manifest", `the plugin's manifest cannot be used: ${why}`, "Report it to the publisher.");
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
