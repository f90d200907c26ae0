import { SealpostError } from "./error.js";

/**
 * RFC 8785 JSON: what is signed. Numbers and text are written as ECMAScript writes them; members are sorted by their
 * UTF-16 code units.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function canonicalJson(value) {
  switch (typeof value) {
    case "string":
      if (/\p{Surrogate}/u.test(value)) throw notJson("text with half a surrogate pair");
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) throw notJson("a number that is not finite");
      return JSON.stringify(value);
    case "boolean":
      return String(value);
    case "object":
      break;
    default:
      throw notJson(`a value of type ${typeof value}`);
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(",")}]`;
  const members = /** @type {Record<string, unknown>} */ (value);
  const written = Object.keys(members)
    .sort()
    .map((name) => `${canonicalJson(name)}:${canonicalJson(members[name])}`);
  return `{${written.join(",")}}`;
}

/**
 * The names of members in JSON text that was found to be JSON, as often as they are there: `JSON.parse` keeps the last of
 * two, other readers the first.
 *
 * @param {string} json
 * @returns {string[]}
 */
export function memberNames(json) {
  const names = json.match(/"(?:[^"\\]|\\.)*"(?=[ \t\r\n]*:)/g) ?? [];
  return names.map((name) => JSON.parse(name));
}

/** @param {string} what */
const notJson = (what) => new SealpostError("json_invalid", `JSON has no way to write ${what}`);
