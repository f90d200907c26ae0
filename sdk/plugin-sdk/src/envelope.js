import { fromBase64, toBase64 } from "./base64.js";
import { fromHex, viewRecord, toHex } from "./bytes.js";
import { readCurve } from "./curves.js";
import { SealpostError } from "./error.js";
import { SLOT } from "./gcm.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./curves.js").Curve} Curve */

/**
 * A content key wrapped for one recipient, as it travels.
 *
 * @typedef {object} Envelope
 * @property {string} ephemeralPub lower hex of the sender's fresh public key (an X25519 u for `ed25519`)
 * @property {string} wrappedDEK base64 of `iv12 ‖ ct32 ‖ tag16`
 * @property {string} salt lower hex; SHA-256 of the recipient's canonical public key, when written here
 * @property {Curve} curve the recipient's
 */

/**
 * An envelope's bytes, of whatever a store, a file or a page gave. Members that are not an envelope's are ignored.
 *
 * @param {unknown} envelope
 * @returns {{ ephemeralPub: Bytes, wrappedDEK: Bytes, salt: Bytes, curve: Curve }}
 */
export function readEnvelope(envelope) {
  const { ephemeralPub, wrappedDEK, salt, curve } = viewRecord(envelope, "envelope");
  const read = {
    ephemeralPub: fromHex(ephemeralPub),
    wrappedDEK: fromBase64(wrappedDEK),
    salt: fromHex(salt),
    curve: readCurve(curve),
  };
  if (!read.ephemeralPub) throw malformed("`ephemeralPub` is not hex");
  if (read.wrappedDEK?.length !== SLOT) throw malformed(`\`wrappedDEK\` is not base64 of ${SLOT} bytes`);
  if (!read.salt) throw malformed("`salt` is not hex");
  return /** @type {ReturnType<typeof readEnvelope>} */ (read);
}

/**
 * @param {ReturnType<typeof readEnvelope>} parts
 * @returns {Envelope}
 */
export function writeEnvelope({ ephemeralPub, wrappedDEK, salt, curve }) {
  return { ephemeralPub: toHex(ephemeralPub), wrappedDEK: toBase64(wrappedDEK), salt: toHex(salt), curve };
}

/** @param {string} reason */
function malformed(reason) {
  return new SealpostError("envelope_malformed", `the envelope is malformed: ${reason}`);
}
