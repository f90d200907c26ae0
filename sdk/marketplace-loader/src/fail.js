import { SealpostError } from "@sealpost/plugin-sdk";

/**
 * @param {string} code
 * @param {string} message
 * @param {string} [hint] none for codes of plugin-sdk, which have their own
 * @param {unknown} [detail] facts for programs, nothing secret
 * @returns {SealpostError}
 */
export function fail(code, message, hint, detail) {
  return new SealpostError(code, message, { hint, detail });
}
