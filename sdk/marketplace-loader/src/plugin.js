import { fail } from "./fail.js";
import { Memory } from "./memory.js";
import { badValue, fromBytes, isBuffer, place, toBytes, toNumber } from "./values.js";

/** @typedef {import("./imports.js").Linked} Linked */
/** @typedef {import("./values.js").Declared} Declared */
/** @typedef {import("./wasm-file.js").Signature} Signature */

/**
 * What the pieces of a plugin are before it runs.
 *
 * @typedef {object} Parts
 * @property {WebAssembly.Module} module
 * @property {Linked} linked
 * @property {Record<string, unknown>} manifest
 * @property {Map<string, Declared>} functions
 * @property {Map<string, Signature>} signatures
 */

/** Longest text of a plugin's own error. */
const ERROR_TEXT = 4 << 10;

/** A plugin that was opened and runs. */
export class Plugin {
  /** @type {Parts | undefined} */ #parts;
  /** @type {WebAssembly.Instance | undefined} */ #instance;
  #manifest;
  #trapped = false;

  /**
   * Instantiates a module.
   *
   * @param {Parts} parts
   * @returns {Promise<Plugin>}
   */
  static async start(parts) {
    const plugin = new Plugin(parts);
    await plugin.restart();
    return plugin;
  }

  /**
   * Use {@link Plugin.start}.
   *
   * @param {Parts} parts
   */
  constructor(parts) {
    this.#parts = parts;
    this.#manifest = parts.manifest;
  }

  /** What the publisher says about it. */
  get manifest() {
    return this.#manifest;
  }

  /** What the module exports, as it is. */
  get exports() {
    return this.#running().instance.exports;
  }

  /**
   * Calls an exported function, and waits for its end: run plugins that take long in a worker.
   *
   * Functions that the manifest declares take and give numbers, BigInts, Uint8Arrays, text and JSON values as it says.
   * Others take and give numbers as they are.
   *
   * @param {string} name
   * @param {...unknown} args
   * @returns {any}
   */
  call(name, ...args) {
    const { parts, instance } = this.#running();
    const exported = Object.hasOwn(instance.exports, name) ? instance.exports[name] : undefined;
    if (typeof exported !== "function") {
      throw fail("plugin_no_function", `the plugin has no function \`${name}\``, known(parts, instance));
    }
    const said = parts.functions.get(name);
    const run = said
      ? () => this.#callDeclared(instance, name, said, args)
      : () => exported(...raw(name, parts.signatures.get(name), args));
    try {
      return run();
    } catch (error) {
      throw this.#failed(name, error);
    }
  }

  /** Starts it anew, with fresh memory, such as after a trap. */
  async restart() {
    const { module, linked } = this.#alive();
    this.#instance = undefined;
    this.#trapped = false;
    let instance;
    try {
      instance = await WebAssembly.instantiate(module, linked.imports);
    } catch (error) {
      throw startFailed(error);
    }
    const { memory } = instance.exports;
    if (memory instanceof WebAssembly.Memory) linked.attach(new Memory(memory));
    if (this.#parts) this.#instance = instance;
  }

  /** Lets go of module, instance and memory. Later calls fail with `plugin_disposed`. */
  dispose() {
    this.#parts = undefined;
    this.#instance = undefined;
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.dispose();
  }

  /**
   * @param {WebAssembly.Instance} instance
   * @param {string} name
   * @param {Declared} said
   * @param {unknown[]} args
   */
  #callDeclared(instance, name, said, args) {
    checkCount(name, said.params.length, args.length);
    const lent = new Lent(instance.exports);
    const passed = said.params.flatMap((type, at) => {
      const what = `argument ${at + 1} of \`${name}\``;
      return isBuffer(type) ? lent.lend(toBytes(type, args[at], what)) : [toNumber(type, args[at], what)];
    });
    const result = fn(instance.exports, name)(...passed);
    // Before the arguments are given back: that could end what the result refers to.
    const taken = isBuffer(said.result) ? lent.take(result, name) : result;
    lent.takeBack();
    if (!isBuffer(said.result)) return said.result === "none" ? undefined : taken;
    return fromBytes(said.result, taken, name);
  }

  /**
   * @param {string} name
   * @param {unknown} error
   */
  #failed(name, error) {
    if (error instanceof Error && "code" in error && error.name === "SealpostError") return error;
    this.#trapped = true;
    return fail(
      "plugin_trap",
      `the plugin failed in \`${name}\`: ${error instanceof Error ? error.message : "it threw"}`,
      "Start it anew by `restart()`; report it to the publisher if it stays.",
    );
  }

  #alive() {
    if (this.#parts) return this.#parts;
    throw fail("plugin_disposed", "the plugin was disposed of", "Load it again.");
  }

  #running() {
    const parts = this.#alive();
    if (this.#trapped || !this.#instance) {
      throw fail("plugin_trapped", "the plugin failed in an earlier call", "Start it anew by `restart()`.");
    }
    return { parts, instance: this.#instance };
  }
}

/** Buffers that the plugin was lent for one call. */
class Lent {
  #exports;
  /** @type {number[]} */ #pointers = [];

  /** @param {WebAssembly.Exports} exports */
  constructor(exports) {
    this.#exports = exports;
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {[number, number]}
   */
  lend(bytes) {
    const pointer = fn(this.#exports, "malloc")(bytes.length) >>> 0;
    if (pointer === 0 && bytes.length > 0) {
      this.takeBack();
      throw fail(
        "plugin_out_of_memory",
        `the plugin has no room for ${bytes.length} bytes`,
        "Pass less at a time, or allow more memory by `maxPages`.",
      );
    }
    if (pointer !== 0) this.#pointers.push(pointer);
    this.#memory.write(pointer, bytes);
    return [pointer, bytes.length];
  }

  /**
   * Copies a result out and gives its memory back.
   *
   * @param {unknown} packed
   * @param {string} name
   */
  take(packed, name) {
    const found = place(packed, this.#memory, name);
    if (!found) {
      const text = this.#lastError();
      this.takeBack();
      throw fail("plugin_failed", text ? `\`${name}\`: ${text}` : `\`${name}\` failed and did not say why`, undefined, {
        text: text ?? null,
      });
    }
    const bytes = this.#memory.read(found.pointer, found.length);
    fn(this.#exports, "free")(found.pointer);
    return bytes;
  }

  takeBack() {
    for (const pointer of this.#pointers.splice(0)) fn(this.#exports, "free")(pointer);
  }

  #lastError() {
    if (typeof this.#exports.last_error !== "function") return undefined;
    const found = place(this.#exports.last_error(), this.#memory, "last_error");
    if (!found) return undefined;
    const bytes = this.#memory.read(found.pointer, Math.min(found.length, ERROR_TEXT));
    fn(this.#exports, "free")(found.pointer);
    return new TextDecoder().decode(bytes);
  }

  get #memory() {
    return new Memory(/** @type {WebAssembly.Memory} */ (this.#exports.memory));
  }
}

/**
 * @param {WebAssembly.Exports} exports
 * @param {string} name
 */
function fn(exports, name) {
  return /** @type {(...args: (number | bigint)[]) => any} */ (exports[name]);
}

/**
 * Arguments of a function that the manifest does not declare.
 *
 * @param {string} name
 * @param {Signature | undefined} signature
 * @param {unknown[]} args
 */
function raw(name, signature, args) {
  if (!signature) return args;
  checkCount(name, signature.params.length, args.length);
  return signature.params.map((type, at) => {
    const isNumber = type.startsWith("i") || type.startsWith("f3") || type.startsWith("f6");
    return isNumber ? toNumber(type, args[at], `argument ${at + 1} of \`${name}\``) : args[at];
  });
}

/**
 * @param {string} name
 * @param {number} expected
 * @param {number} found
 */
function checkCount(name, expected, found) {
  if (expected !== found) throw badValue(`a call of \`${name}\` with ${found} arguments`, `one with ${expected}`);
}

/**
 * @param {Parts} parts
 * @param {WebAssembly.Instance} instance
 */
function known({ functions }, instance) {
  const all = functions.size > 0 ? [...functions.keys()] : Object.keys(instance.exports);
  return `It has: ${all.slice(0, 20).join(", ") || "none at all"}.`;
}

/** @param {unknown} error */
function startFailed(error) {
  const message = error instanceof Error ? error.message : "it threw";
  if (error instanceof WebAssembly.LinkError || error instanceof TypeError) {
    return fail(
      "plugin_link",
      `an import that was given is not of the kind the plugin wants: ${message}`,
      "Compare `imports` with what the plugin's publisher says.",
    );
  }
  return fail("plugin_trap", `the plugin failed when it was started: ${message}`, "Report it to the publisher.");
}
