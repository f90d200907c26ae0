import { compile } from "../../src/compile.js";
import { Instance } from "../../src/plugin.js";

/**
 * A plugin of a module that nobody sealed.
 *
 * @param {Uint8Array<ArrayBuffer>} wasm
 * @param {Record<string, unknown>} [manifest]
 * @param {Parameters<typeof compile>[2]} [options]
 */
export async function started(wasm, manifest = {}, options = {}) {
  const instance = new Instance(await compile(wasm.slice(), manifest, options));
  await instance.start();
  return {
    instance,
    call: (/** @type {string} */ name, /** @type {unknown[]} */ ...args) => instance.call(name, args),
  };
}
