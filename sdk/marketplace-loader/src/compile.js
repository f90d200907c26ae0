import { fail } from "./fail.js";
import { checkExports, declared } from "./functions.js";
import { link } from "./imports.js";
import { exportedSignatures, limitMemory, notAModule } from "./wasm-file.js";

/** @typedef {import("./imports.js").ImportOptions} ImportOptions */
/** @typedef {import("./plugin.js").Parts} Parts */

/** Pages of 64 KiB that a plugin's memory may have where nothing else is said: 256 MiB. */
export const MAX_PAGES = 4096;
/** What 32 bits can address. */
const MOST_PAGES = 65_536;

/**
 * @typedef {object} LimitOptions
 * @property {number} [maxPages] pages of 64 KiB that the plugin's memory may have (default 4096: 256 MiB); a manifest
 *   that says less (`memory.maxPages`) is taken at its word
 */

/**
 * Compiles a plugin and checks all that can be checked before any of it runs. The bytes are erased, whatever happens.
 *
 * @param {Uint8Array<ArrayBuffer>} wasm
 * @param {Record<string, unknown>} manifest
 * @param {ImportOptions & LimitOptions} options
 * @returns {Promise<Parts>}
 */
export async function compile(wasm, manifest, options) {
  let limited = wasm;
  try {
    const functions = declared(manifest);
    limited = limitMemory(wasm, pages(manifest, options.maxPages));
    const signatures = exportedSignatures(limited);
    const module = await compiled(limited);
    checkExports(functions, module, signatures);
    return { module, functions, signatures, linked: link(module, manifest["permissions"], options) };
  } finally {
    wasm.fill(0);
    limited.fill(0);
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function compiled(bytes) {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    if (/content security policy|unsafe-eval/i.test(error instanceof Error ? error.message : "")) {
      throw fail(
        "plugin_forbidden",
        "this page's Content-Security-Policy forbids WebAssembly",
        "Add 'wasm-unsafe-eval' to its script-src.",
      );
    }
    throw notAModule();
  }
}

/**
 * @param {Record<string, unknown>} manifest
 * @param {number} [allowed]
 */
function pages(manifest, allowed = MAX_PAGES) {
  const { maxPages } = /** @type {{ maxPages?: unknown }} */ (manifest["memory"] ?? {});
  const wanted = typeof maxPages === "number" && maxPages >= 0 ? Math.floor(maxPages) : MOST_PAGES;
  return Math.min(wanted, allowed, MOST_PAGES);
}
