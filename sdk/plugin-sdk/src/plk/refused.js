import { SealpostError } from "../error.js";

/**
 * A field is missing or does not hold what it should.
 *
 * @param {string} name the schema's
 * @returns {SealpostError}
 */
export const unusable = (name) =>
  new SealpostError("plk_field", `the licence has no usable ${name}`, { detail: { field: name } });
