import assert from "node:assert/strict";

import { SealpostError } from "../../index.js";

/**
 * For `assert.rejects` and `assert.throws`: one of ours, with that code and a hint.
 *
 * @param {string} code
 * @returns {(error: unknown) => true}
 */
export const refused = (code) => (error) => {
  assert.ok(error instanceof SealpostError, String(error));
  assert.equal(error.code, code);
  assert.notEqual(error.hint, "");
  return true;
};
