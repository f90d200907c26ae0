// A plugin that was opened and runs.

import { SealpostError } from "@sealpost/plugin-sdk";

import { fail } from "./fail.js";
import { Memory } from "./memory.js";
import { badValue, fromBytes, isBuffer, place, toBytes, toNumber } from "./values.js";

/** @typedef {import("./imports.js").Linked} Linked */
/** @typedef {import("./values.js").Declared} Declared */
/** @typedef {import("./wasm-file.js").Signature} Signature */

/**
 * What a plugin is made of.
 *
 * @typedef {object} Parts
 * @property {WebAssembly.Module} module
 * @property {Linked} linked
 * @property {Map<string, Declared>} functions
 * @property {Map<string, Signature>} signatures
 */

/** Longest text of a plugin's own error. */
const ERROR_TEXT = 4 << 10;

export class Instance {
  /** @type {Parts | undefined} */ #parts;
  /** @type {WebAssembly.Instance | undefined} */ #instance;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Instantiates, with fresh memory. */
  async start() {
    const { module, linked } = this.#alive();
    this.#instance = undefined;
    linked.attach(undefined);
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

  get exports() {
    return this.#running().instance.exports;
  }

  /**
   * @param {string} name
   * @param {unknown[]} args
   */
  call(name, args) {
    const { parts, instance } = this.#running();
    const { exports } = instance;
    if (!Object.hasOwn(exports, name) || typeof exports[name] !== "function") {
      throw fail("plugin_no_function", `the plugin has no function \`${name}\``, known(parts, exports));
    }
    const said = parts.functions.get(name);
    try {
      return said ? callDeclared(exports, name, said, args) : callRaw(exports, name, parts.signatures.get(name), args);
    } catch (error) {
      if (!(error instanceof Thrown)) throw error;
      this.#instance = undefined;
      throw trapped(name, error.what);
    }
  }

  /** Lets go of all. */
  dispose() {
    this.#parts?.linked.attach(undefined);
    this.#parts = undefined;
    this.#instance = undefined;
  }

  #alive() {
    if (this.#parts) return this.#parts;
    throw fail("plugin_disposed", "the plugin was disposed of", "Load it again.");
  }

  #running() {
    const parts = this.#alive();
    if (this.#instance) return { parts, instance: this.#instance };
    throw fail("plugin_trapped", "the plugin failed in an earlier call", "Start it anew by `restart()`.");
  }
}

/**
 * @param {WebAssembly.Exports} exports
 * @param {string} name
 * @param {Declared} said
 * @param {unknown[]} args
 */
function callDeclared(exports, name, said, args) {
  checkCount(name, said.params.length, args.length);
  const lent = new Lent(exports);
  try {
    const passed = said.params.flatMap((type, at) => {
      const what = `argument ${at + 1} of \`${name}\``;
      return isBuffer(type) ? lent.lend(toBytes(type, args[at], what)) : [toNumber(type, args[at], what)];
    });
    const result = lent.enter(name, ...passed);
    if (said.result === "none") return undefined;
    // Copied before the arguments are given back: it may lie among them.
    return isBuffer(said.result) ? fromBytes(said.result, lent.take(result, name), name) : result;
  } finally {
    lent.takeBack();
  }
}

/**
 * A function that the manifest does not declare: numbers as they are.
 *
 * @param {WebAssembly.Exports} exports
 * @param {string} name
 * @param {Signature | undefined} signature
 * @param {unknown[]} args
 */
function callRaw(exports, name, signature, args) {
  if (!signature) return callUnknown(exports, name, args);
  checkCount(name, signature.params.length, args.length);
  if ([...signature.params, ...signature.results].includes("v128")) {
    throw badValue(`a call of \`${name}\``, "possible from JavaScript, which has no v128");
  }
  const passed = signature.params.map((type, at) =>
    /^[if]/.test(type) ? toNumber(type, args[at], `argument ${at + 1} of \`${name}\``) : args[at],
  );
  return enter(exports, name, passed);
}

/**
 * A function whose types are not known: JavaScript says whether the arguments fit, before anything runs.
 *
 * @param {WebAssembly.Exports} exports
 * @param {string} name
 * @param {unknown[]} args
 */
function callUnknown(exports, name, args) {
  try {
    return enter(exports, name, args);
  } catch (error) {
    const refused = error instanceof Thrown && (error.what instanceof TypeError || error.what instanceof SyntaxError);
    throw refused ? badValue(`what \`${name}\` was called with`, "what it takes") : error;
  }
}

/** What was thrown while the plugin ran: its memory may be in any state. */
class Thrown {
  /** @param {unknown} what */
  constructor(what) {
    this.what = what;
  }
}

/**
 * @param {WebAssembly.Exports} exports
 * @param {string} name
 * @param {unknown[]} args
 * @returns {any}
 */
function enter(exports, name, args) {
  try {
    return /** @type {Function} */ (exports[name])(...args);
  } catch (error) {
    throw new Thrown(error);
  }
}

/** Buffers that the plugin was lent for one call. */
class Lent {
  #exports;
  /** @type {number[]} */ #pointers = [];
  #broken = false;

  /** @param {WebAssembly.Exports} exports */
  constructor(exports) {
    this.#exports = exports;
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {[number, number]}
   */
  lend(bytes) {
    const pointer = this.enter("malloc", bytes.length) >>> 0;
    if (pointer !== 0) this.#pointers.push(pointer);
    if (bytes.length > 0 && (pointer === 0 || pointer + bytes.length > this.#memory.size)) {
      throw fail(
        "plugin_out_of_memory",
        `the plugin has no room for ${bytes.length} bytes`,
        "Pass less at a time, or allow more memory by `maxPages`.",
      );
    }
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
    if (!found) throw failed(name, this.#lastError());
    const bytes = this.#memory.read(found.pointer, found.length);
    this.enter("free", found.pointer);
    return bytes;
  }

  takeBack() {
    for (const pointer of this.#pointers.splice(0)) {
      if (!this.#broken) this.enter("free", pointer);
    }
  }

  #lastError() {
    if (typeof this.#exports.last_error !== "function") return undefined;
    const found = place(this.enter("last_error"), this.#memory, "last_error");
    if (!found) return undefined;
    const bytes = this.#memory.read(found.pointer, found.length);
    this.enter("free", found.pointer);
    return new TextDecoder().decode(bytes.subarray(0, ERROR_TEXT));
  }

  /**
   * @param {string} name
   * @param {...(number | bigint)} args
   */
  enter(name, ...args) {
    try {
      return enter(this.#exports, name, args);
    } catch (error) {
      this.#broken = true;
      throw error;
    }
  }

  get #memory() {
    return new Memory(/** @type {WebAssembly.Memory} */ (this.#exports.memory));
  }
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
 * @param {string} name
 * @param {string | undefined} text what the plugin said
 */
function failed(name, text) {
  const message = text ? `\`${name}\`: ${text}` : `\`${name}\` failed and did not say why`;
  return fail("plugin_failed", message, "Check what it was given against what the plugin takes.", { text: text ?? null });
}

/**
 * @param {string} name
 * @param {unknown} what
 */
function trapped(name, what) {
  const own = what instanceof WebAssembly.RuntimeError || what instanceof RangeError;
  // Thrown by a function that the caller gave as an import: it is the caller's own.
  if (!own && !isWasmException(what)) return what;
  return fail(
    "plugin_trap",
    `the plugin failed in \`${name}\`: ${what instanceof Error ? what.message : "it threw"}`,
    "Start it anew by `restart()`; report it to the publisher if it stays.",
  );
}

/** @param {unknown} what */
function isWasmException(what) {
  const { Exception } = /** @type {{ Exception?: Function }} */ (WebAssembly);
  return Exception !== undefined && what instanceof Exception;
}

/**
 * @param {Parts} parts
 * @param {WebAssembly.Exports} exports
 */
function known({ functions }, exports) {
  const all = functions.size > 0 ? [...functions.keys()] : Object.keys(exports);
  return `It has: ${all.slice(0, 20).join(", ") || "none at all"}.`;
}

/** @param {unknown} error */
function startFailed(error) {
  if (error instanceof SealpostError) return error;
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
