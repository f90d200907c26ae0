import { viewRecord } from "../bytes.js";
import { normaliseDomain } from "../domain/host.js";
import { SealpostError, badArgument } from "../error.js";
import { allowsVersion } from "./range.js";

/** @typedef {import("./fields.js").Licence} Licence */

/**
 * The use a licence is to allow.
 *
 * @typedef {object} Usage
 * @property {string} pluginId the plugin that is to run
 * @property {string} [pluginVersion] its version, if it is known; a licence for some versions allows no unknown one
 * @property {string} [domain] the domain it is to run on, in any spelling (`location.hostname`); none outside of browsers: a
 *   licence for domains then allows nothing
 * @property {number} [activations] how many other devices use the licence already
 * @property {number} [now] the time in Unix seconds; the clock's unless said otherwise
 */

/** Seconds a licence may seem to come from the future: clocks differ. */
export const LEEWAY = 120n;

/**
 * @param {Licence} licence
 * @param {Usage} usage
 */
export function checkUsage(licence, usage) {
  const {
    pluginId,
    pluginVersion,
    domain,
    activations = 0,
    now = Date.now() / 1000,
  } = /** @type {Usage} */ (/** @type {unknown} */ (viewRecord(usage, "usage")));
  if (!Number.isFinite(now) || now < 0) throw badArgument("now", "Unix seconds");
  if (!Number.isInteger(activations) || activations < 0) throw badArgument("activations", "a whole number");
  checkDates(licence, BigInt(Math.floor(now)));
  if (licence.PLUGIN_ID !== pluginId) {
    throw new SealpostError("plk_wrong_plugin", "the licence is for another plugin");
  }
  const { PLUGIN_VERSION: versions } = licence;
  if (versions !== undefined && (pluginVersion === undefined || !allowsVersion(versions, pluginVersion))) {
    throw new SealpostError("plk_wrong_version", "the licence is for another version of the plugin");
  }
  checkDomain(licence, domain);
  const max = licence.MAX_ACTIVATIONS;
  if (max !== 0 && activations >= max) {
    const found = `the licence is in use on ${max} other devices, which is all it allows`;
    throw new SealpostError("plk_activations", found, { detail: { max } });
  }
}

/**
 * @param {Licence} licence
 * @param {bigint} now
 */
function checkDates(licence, now) {
  const [issued, from, expires] = [licence.ISSUED_AT, licence.VALID_FROM, licence.EXPIRES_AT].map(BigInt);
  const detail = { now: String(now) };
  if (issued > now + LEEWAY) {
    const found = `the licence was issued at ${issued}, but it is only ${now} (Unix seconds)`;
    throw new SealpostError("plk_from_the_future", found, { detail });
  }
  // A licence valid at once must not be refused by the clock that its issue is excused to.
  if (from > now + (from <= issued ? LEEWAY : 0n)) {
    const found = `the licence is valid from ${from} on, it is ${now} (Unix seconds)`;
    throw new SealpostError("plk_not_yet_valid", found, { detail });
  }
  if (expires !== 0n && now >= expires) {
    const found = `the licence expired at ${expires}, it is ${now} (Unix seconds)`;
    throw new SealpostError("plk_expired", found, { detail });
  }
}

/**
 * @param {Licence} licence
 * @param {string | undefined} domain
 */
function checkDomain({ ALLOWED_DOMAINS: domains = [], ALLOWED_TLDS: tlds = [] }, domain) {
  if (domains.length === 0 && tlds.length === 0) return;
  const refused = new SealpostError("plk_wrong_domain", "the licence does not allow this domain");
  if (domain === undefined) throw refused;
  const host = normaliseDomain(domain);
  // Another issuer may have signed another spelling.
  const isSame = domains.some((allowed) => normalised(allowed) === host);
  const isBelow = tlds.some((tld) => {
    const ending = normalised(tld.replace(/^\./, ""));
    return ending !== undefined && host.endsWith(`.${ending}`) && host.length > ending.length + 1;
  });
  if (!isSame && !isBelow) throw refused;
}

/** @param {string} domain */
function normalised(domain) {
  try {
    return normaliseDomain(domain);
  } catch {
    return undefined;
  }
}
