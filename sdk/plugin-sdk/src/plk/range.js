// Ranges of versions in Cargo's notation: `^1.2`, `>=1.2, <3`, `~1.2.3`, `1.*`.

/**
 * @typedef {object} Version
 * @property {bigint} major
 * @property {bigint} minor
 * @property {bigint} patch
 * @property {string} pre empty where there is none
 */

/**
 * @typedef {object} Comparator
 * @property {string} op one of `=`, `>`, `>=`, `<`, `<=`, `~`, `^`
 * @property {bigint} major
 * @property {bigint | undefined} minor
 * @property {bigint | undefined} patch
 * @property {string} pre
 */

const NUMBER = "(0|[1-9]\\d*)";
const IDENTIFIER = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const PRE = `(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?`;
const BUILD = "(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?";
const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}${PRE}${BUILD}$`);
const COMPARATOR = new RegExp(
  `^(=|>=?|<=?|~|\\^|) *${NUMBER}(?:\\.(?:[*xX](?:\\.[*xX])?|${NUMBER}(?:\\.(?:[*xX]|${NUMBER}${PRE}${BUILD}))?))? *$`,
);
const WILDCARD = /\.[*xX]/;
const COMPARATORS = 32;
const NUMBERS = 1n << 64n;

/**
 * Whether a licence for `allowed` is good for a version. A range needs an operator, a wildcard or a comma: `1.2.3` alone is
 * that version and no later one.
 *
 * @param {string} allowed
 * @param {string} version
 * @returns {boolean}
 */
export function allowsVersion(allowed, version) {
  if (allowed === version) return true;
  if (parseVersion(allowed)) return false;
  const [range, found] = [parseRange(allowed), parseVersion(version)];
  return range !== undefined && found !== undefined && isWithin(range, found);
}

/**
 * @param {string} text
 * @returns {Version | undefined}
 */
function parseVersion(text) {
  const [, major, minor, patch, pre = ""] = VERSION.exec(text) ?? [];
  if (major === undefined) return undefined;
  const numbers = [major, minor, patch].map(BigInt);
  if (numbers.some((number) => number >= NUMBERS)) return undefined;
  return { major: numbers[0], minor: numbers[1], patch: numbers[2], pre };
}

/**
 * @param {string} text
 * @returns {Comparator[] | undefined} none of them for `*`
 */
function parseRange(text) {
  if (/^ *[*xX] *$/.test(text)) return [];
  const parts = text.split(",");
  if (parts.length > COMPARATORS) return undefined;
  const comparators = parts.map((part) => parseComparator(part.replace(/^ +/, "")));
  return comparators.every((comparator) => comparator !== undefined) ? comparators : undefined;
}

/**
 * @param {string} text
 * @returns {Comparator | undefined}
 */
function parseComparator(text) {
  const [, op, major, minor, patch, pre = ""] = COMPARATOR.exec(text) ?? [];
  if (major === undefined) return undefined;
  const [first, second, third] = [major, minor, patch].map((part) => (part === undefined ? undefined : BigInt(part)));
  if ([first, second, third].some((number) => number !== undefined && number >= NUMBERS)) return undefined;
  // Without an operator, `1.*` is exact in what it names and `1.2` a caret.
  const implied = WILDCARD.test(text) ? "=" : "^";
  return { op: op || implied, major: /** @type {bigint} */ (first), minor: second, patch: third, pre };
}

/**
 * A pre-release is within a range only where one of the same numbers is named.
 *
 * @param {Comparator[]} range
 * @param {Version} version
 * @returns {boolean}
 */
function isWithin(range, version) {
  if (!range.every((comparator) => matches(comparator, version))) return false;
  if (version.pre === "") return true;
  return range.some(
    ({ major, minor, patch, pre }) =>
      pre !== "" && major === version.major && minor === version.minor && patch === version.patch,
  );
}

/**
 * @param {Comparator} comparator
 * @param {Version} version
 * @returns {boolean}
 */
function matches(comparator, version) {
  switch (comparator.op) {
    case "=":
      return isExact(comparator, version);
    case ">":
      return order(comparator, version) > 0;
    case ">=":
      return isExact(comparator, version) || order(comparator, version) > 0;
    case "<":
      return order(comparator, version) < 0;
    case "<=":
      return isExact(comparator, version) || order(comparator, version) < 0;
    case "~":
      return isTilde(comparator, version);
    default:
      return isCaret(comparator, version);
  }
}

/**
 * @param {Comparator} comparator
 * @param {Version} version
 */
function isExact({ major, minor, patch, pre }, version) {
  if (version.major !== major) return false;
  if (minor !== undefined && version.minor !== minor) return false;
  if (patch !== undefined && version.patch !== patch) return false;
  return version.pre === pre;
}

/**
 * Above 0 where the version comes after what the comparator names; 0 where that leaves it open.
 *
 * @param {Comparator} comparator
 * @param {Version} version
 * @returns {number}
 */
function order({ major, minor, patch, pre }, version) {
  if (version.major !== major) return version.major > major ? 1 : -1;
  if (minor === undefined) return 0;
  if (version.minor !== minor) return version.minor > minor ? 1 : -1;
  if (patch === undefined) return 0;
  if (version.patch !== patch) return version.patch > patch ? 1 : -1;
  return orderPre(version.pre, pre);
}

/**
 * @param {Comparator} comparator
 * @param {Version} version
 */
function isTilde({ major, minor, patch, pre }, version) {
  if (version.major !== major) return false;
  if (minor !== undefined && version.minor !== minor) return false;
  if (patch !== undefined && version.patch !== patch) return version.patch > patch;
  return orderPre(version.pre, pre) >= 0;
}

/**
 * @param {Comparator} comparator
 * @param {Version} version
 */
function isCaret({ major, minor, patch, pre }, version) {
  if (version.major !== major) return false;
  if (minor === undefined) return true;
  if (patch === undefined) return major > 0n ? version.minor >= minor : version.minor === minor;
  if (version.minor !== minor) return major > 0n && version.minor > minor;
  if (version.patch !== patch) return (major > 0n || minor > 0n) && version.patch > patch;
  return orderPre(version.pre, pre) >= 0;
}

/**
 * None comes after any; else part by part, numbers before words, and a longer one after its beginning.
 *
 * @param {string} left
 * @param {string} right
 * @returns {number}
 */
function orderPre(left, right) {
  if (left === right) return 0;
  if (left === "" || right === "") return left === "" ? 1 : -1;
  const [lefts, rights] = [left.split("."), right.split(".")];
  for (let at = 0; at < Math.min(lefts.length, rights.length); at++) {
    const order = orderPart(lefts[at], rights[at]);
    if (order !== 0) return order;
  }
  return lefts.length - rights.length;
}

/**
 * @param {string} left
 * @param {string} right
 * @returns {number}
 */
function orderPart(left, right) {
  const [isNumber, isOther] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  if (isNumber && left.length !== right.length) return left.length - right.length;
  return left === right ? 0 : left < right ? -1 : 1;
}
