// What a plugin may reach: the host functions of interface ABI 1, and what the caller gives by name.

import { fail } from "./fail.js";
import { Memory } from "./memory.js";

/** @typedef {"log" | "clock" | "random"} Permission */

/** @type {readonly Permission[]} */
export const PERMISSIONS = Object.freeze(["log", "clock", "random"]);

/** Host functions and the permission each needs. */
const HOST = new Map(/** @type {const} */ ([["log", "log"], ["clock_ms", "clock"], ["random", "random"]]));
/** Bytes of a log line that are shown. */
const LOG_LINE = 16 << 10;
/** Bytes that `getRandomValues` gives at a time. */
const RANDOM_STEP = 1 << 16;

/**
 * @typedef {object} ImportOptions
 * @property {readonly Permission[]} [permissions] what this page gives plugins that ask for it (default: nothing)
 * @property {Record<string, Record<string, WebAssembly.ImportValue>>} [imports] further imports, by module and name
 * @property {readonly string[]} [allowImports] which of `imports` this plugin may have: `"module.name"`
 * @property {(line: string) => void} [log] where a plugin's log goes (default: `console.info`)
 */

/**
 * @typedef {object} Linked
 * @property {WebAssembly.Imports} imports
 * @property {(memory: Memory | undefined) => void} attach tells the host functions where the instance's memory is
 */

/**
 * Every import of a module that is allowed; refuses a module that wants another. Nothing of it has run yet.
 *
 * @param {WebAssembly.Module} module
 * @param {unknown} asked the manifest's `permissions`
 * @param {ImportOptions} options
 * @returns {Linked}
 */
export function link(module, asked, options) {
  /** @type {Memory | undefined} */
  let memory;
  const host = hostFunctions(options, () => {
    if (!memory) throw new WebAssembly.RuntimeError("it called its host before it had a memory");
    return memory;
  });
  /** @type {WebAssembly.Imports} */
  const imports = Object.create(null);
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= Object.create(null);
    const permission = from === "sealpost" ? HOST.get(/** @type {any} */ (name)) : undefined;
    if (permission) checkPermission(permission, asked, options.permissions ?? []);
    const value = permission ? host[permission] : given(from, name, options);
    /** @type {WebAssembly.ModuleImports} */ (imports[from])[name] = value;
  }
  return { imports, attach: (found) => void (memory = found) };
}

/**
 * @param {ImportOptions} options
 * @param {() => Memory} memory
 * @returns {Record<Permission, (...args: any[]) => unknown>}
 */
function hostFunctions({ log = (line) => console.info(line) }, memory) {
  return {
    log: (/** @type {number} */ pointer, /** @type {number} */ length) => {
      const line = memory().view(pointer >>> 0, length >>> 0);
      log(new TextDecoder().decode(line.slice(0, LOG_LINE)));
    },
    clock: () => Date.now(),
    random: (/** @type {number} */ pointer, /** @type {number} */ length) => {
      const target = memory().view(pointer >>> 0, length >>> 0);
      for (let at = 0; at < target.length; at += RANDOM_STEP) {
        crypto.getRandomValues(target.subarray(at, at + RANDOM_STEP));
      }
    },
  };
}

/**
 * @param {Permission} permission
 * @param {unknown} asked
 * @param {readonly Permission[]} allowed
 */
function checkPermission(permission, asked, allowed) {
  if (!Array.isArray(asked) || !asked.includes(permission)) {
    throw fail(
      "plugin_permission_not_asked",
      `the plugin uses \`${permission}\`, which its manifest does not ask for`,
      "Report it to the publisher; do not use it.",
    );
  }
  if (!allowed.includes(permission)) {
    throw fail(
      "plugin_permission",
      `the plugin asks for \`${permission}\`, which is not allowed here`,
      `Allow it by \`permissions: ["${permission}"]\` if you want to.`,
    );
  }
}

/**
 * @param {string} from
 * @param {string} name
 * @param {ImportOptions} options
 * @returns {WebAssembly.ImportValue}
 */
function given(from, name, { imports = {}, allowImports = [] }) {
  const full = `${from}.${name}`;
  if (!allowImports.includes(full)) {
    throw fail(
      "plugin_import",
      `the plugin imports \`${full}\`, which is not allowed here`,
      `Give it by \`imports\` and name it in \`allowImports: ["${full}"]\` if you trust the plugin with it.`,
    );
  }
  const own = Object.hasOwn(imports, from) && Object.hasOwn(imports[from] ?? {}, name);
  const value = own ? imports[from]?.[name] : undefined;
  if (value === undefined) {
    throw fail(
      "plugin_import_missing",
      `the plugin may import \`${full}\`, but nobody gave it`,
      `Give it by \`imports: { "${from}": { "${name}": … } }\`.`,
    );
  }
  return value;
}
