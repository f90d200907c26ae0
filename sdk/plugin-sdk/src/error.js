import { HINTS } from "./hints.js";

/**
 * What a person can meet: a stable code for programs, a sentence, and a hint on what to do. Holds nothing secret.
 *
 * The codes are those of Sealpost's Rust crates and of its HTTP interface.
 */
export class SealpostError extends Error {
  /**
   * @param {string} code stable, lower case, such as `envelope_not_for_us`
   * @param {string} message what happened
   * @param {{ hint?: string, detail?: unknown, cause?: unknown }} [more] what to do about it (known codes have a hint of
   *   their own), and facts for programs
   */
  constructor(code, message, { hint, detail, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SealpostError";
    /** Stable, for programs. */
    this.code = code;
    /** One sentence that says what to do. */
    this.hint = hint ?? HINTS[code] ?? "";
    /** Facts for programs, where there are any. */
    this.detail = detail;
  }
}

/**
 * An argument that is not what a function takes.
 *
 * @param {string} name
 * @param {string} expected such as "32 bytes"
 * @returns {SealpostError}
 */
export function badArgument(name, expected) {
  return new SealpostError("bad_argument", `\`${name}\` is not ${expected}`);
}
