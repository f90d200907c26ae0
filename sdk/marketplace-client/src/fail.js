import { SealpostError } from "@sealpost/plugin-sdk";

/**
 * @param {string} code
 * @param {string} message
 * @param {string} [hint]
 * @param {unknown} [detail] facts for programs, nothing secret
 * @returns {SealpostError}
 */
export function fail(code, message, hint, detail) {
  return new SealpostError(code, message, { hint, detail });
}
