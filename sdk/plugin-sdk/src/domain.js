// The `domain` key wrap: a content key for whoever shows a plugin on one domain. A speed bump, not a lock: a page can be
// lied to about its host, and whoever was given a domain's key can pass it on. Sell by the `ecdh` wrap.
//
// Version 2 (everything new): HKDF-SHA256(secret, salt = SHA-256(domain), info = "sealpost-domain-v2" ‖ 0 ‖ plugin id ‖ 0
// ‖ epoch in decimal). Version 1: that of the public Space Data Network demo, for what exists already.

import { randomBytes, utf8, viewBytes, viewRecord } from "./bytes.js";
import { normaliseDomain } from "./domain/host.js";
import { deriveV1 } from "./domain/v1.js";
import { SealpostError, badArgument } from "./error.js";
import { openGcm, sealGcm, viewDek } from "./gcm.js";
import { hkdf, pluginIdBytes, sha256 } from "./hash.js";

export { normaliseDomain };

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./bytes.js").BytesLike} BytesLike */

/**
 * How a domain key is derived. Epochs count periods that the publisher defines: a new one ends access for those who are
 * given no new key. Version 1 knows keys without an epoch; version 2 needs one (0 unless said otherwise).
 *
 * @typedef {{ version: 1 | 2, epoch?: number | bigint | string }} DomainKek
 */

const EPOCHS = 1n << 64n;
const SECRET_V2 = 32;

/**
 * The key of one domain, plugin and epoch, from the publisher's secret: on servers only. Version 2 takes the domain in
 * any spelling, version 1 byte for byte.
 *
 * @param {BytesLike | string} secret at least 32 random bytes; text counts as its UTF-8
 * @param {string} domain
 * @param {string} pluginId
 * @param {DomainKek} [kek] version 2, epoch 0 unless said otherwise
 * @returns {Promise<Bytes>} 32 bytes; wipe them (`fill(0)`) when done
 */
export async function deriveDomainKey(secret, domain, pluginId, kek = { version: 2 }) {
  const { version, epoch } = readDomainKek(kek);
  const bytes = secretBytes(secret);
  if (version === 1) {
    if (domain === "") throw new SealpostError("domain_invalid", "this is not a domain name");
    return deriveV1(bytes, utf8(domain, "domain"), pluginIdBytes(pluginId), epoch);
  }
  if (bytes.length < SECRET_V2) {
    const found = `the domain secret has ${bytes.length} bytes, at least ${SECRET_V2} are needed`;
    throw new SealpostError("domain_secret_short", found);
  }
  // A zero byte inside would let two plugins and epochs share one info.
  if (pluginId === "" || (typeof pluginId === "string" && pluginId.includes("\0"))) {
    throw new SealpostError("domain_plugin_id", "the plugin id is empty or contains a zero byte");
  }
  const salt = await sha256(utf8(normaliseDomain(domain), "domain"));
  return hkdf(bytes, salt, utf8(`sealpost-domain-v2\0${pluginId}\0${epoch}`, "pluginId"));
}

/**
 * A fresh secret, from which all domain keys of a publisher come.
 *
 * @returns {Bytes}
 */
export const generateDomainSecret = () => randomBytes(SECRET_V2);

/**
 * Wraps a content key: `iv12 ‖ ct32 ‖ tag16`.
 *
 * @param {BytesLike} dek
 * @param {BytesLike} domainKey
 * @returns {Promise<Bytes>}
 */
export async function wrapForDomain(dek, domainKey) {
  return sealGcm(viewDek(domainKey, "domainKey"), viewDek(dek));
}

/**
 * Unwraps a content key. Slots carry no label: with `domain_not_for_us` try the next one.
 *
 * @param {BytesLike} wrapped
 * @param {BytesLike} domainKey
 * @returns {Promise<Bytes>}
 */
export async function unwrapForDomain(wrapped, domainKey) {
  const dek = await openGcm(viewDek(domainKey, "domainKey"), viewBytes(wrapped, "wrapped"));
  if (dek?.length === 32) return dek;
  throw new SealpostError(
    "domain_not_for_us",
    "the key was wrapped for another domain, plugin or epoch, or changed on its way",
  );
}

/**
 * @param {unknown} kek
 * @returns {{ version: 1, epoch: bigint | undefined } | { version: 2, epoch: bigint }}
 */
export function readDomainKek(kek) {
  const { version, epoch } = viewRecord(kek, "domainKek");
  if (version === 1) return { version, epoch: epoch === undefined ? undefined : readEpoch(epoch) };
  if (version === 2) return { version, epoch: readEpoch(epoch ?? 0) };
  throw badArgument("domainKek", "`{version: 1 or 2, epoch}`");
}

/**
 * A whole number below 2^64; text as it is written, without leading zeros.
 *
 * @param {unknown} epoch
 * @returns {bigint}
 */
export function readEpoch(epoch) {
  const isWhole =
    typeof epoch === "bigint" ||
    (typeof epoch === "number" && Number.isSafeInteger(epoch)) ||
    (typeof epoch === "string" && /^(0|[1-9]\d{0,19})$/.test(epoch));
  const read = isWhole ? BigInt(epoch) : -1n;
  if (read < 0n || read >= EPOCHS) throw badArgument("epoch", "a whole number, or one as text");
  return read;
}

/**
 * @param {unknown} secret
 * @returns {Bytes}
 */
function secretBytes(secret) {
  const bytes = typeof secret === "string" ? utf8(secret, "secret") : viewBytes(secret, "secret", "bytes or text");
  if (bytes.length === 0) throw new SealpostError("domain_secret_empty", "the domain secret is empty");
  return bytes;
}
