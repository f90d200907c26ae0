import { SealpostError, badArgument } from "../error.js";

/** A label behind the name keeps the URL parser from reading the name as an IPv4 address and repairing it. */
const BEHIND = ".x";

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The one spelling of a host, as browsers give it in `location.hostname`: a lower-case A-label, an IPv4 address as four
 * decimal numbers, an IPv6 address in brackets.
 *
 * Whatever names more than a host, or a host in a way that only browsers repair, is refused: it would never match again.
 *
 * @param {string} domain
 * @returns {string}
 */
export function normaliseDomain(domain) {
  if (typeof domain !== "string") throw badArgument("domain", "text");
  const address = ipv6(domain);
  if (address) return address;
  if (/[/@?#]/.test(domain)) {
    throw new SealpostError("domain_is_url", "a whole address was given where a domain is expected");
  }
  if (domain.includes(":")) {
    if (domain.startsWith("[") && !domain.includes("]:")) throw notADomain();
    throw new SealpostError("domain_port", "the domain has a port");
  }
  const name = toAscii(domain);
  // After the mapping, which makes an asterisk of its wide form.
  if (name.includes("*")) throw new SealpostError("domain_wildcard", "the domain has a wildcard");
  if (name.endsWith(".")) throw new SealpostError("domain_trailing_dot", "the domain ends in a dot");
  const labels = name.split(".");
  if (name.length > 253 || labels.some((label) => label.length < 1 || label.length > 63)) throw notADomain();
  // What browsers read as an IPv4 address, however odd: `127.1`, `0x7f.0.0.1`, `2130706433`.
  if (/^(?:\d*|0x[0-9a-f]*)$/.test(/** @type {string} */ (labels.at(-1))) && !IPV4.test(name)) {
    throw new SealpostError("domain_ipv4", "the domain ends in a number but is not an IPv4 address in four parts");
  }
  return name;
}

/**
 * The name mapped as browsers map it (WHATWG URL, UTS 46 non-transitional).
 *
 * @param {string} domain
 * @returns {string}
 */
function toAscii(domain) {
  // The URL parser drops or decodes these before it maps the name.
  if (/[\0-\x20\x7f%\\]/.test(domain)) throw notADomain();
  let name;
  try {
    name = new URL(`http://${domain}${BEHIND}/`).hostname;
  } catch {
    throw notADomain();
  }
  return name.slice(0, -BEHIND.length);
}

/**
 * @param {string} domain
 * @returns {string | undefined}
 */
function ipv6(domain) {
  const unbracketed = domain.startsWith("[") && domain.endsWith("]") ? domain.slice(1, -1) : domain;
  if (!unbracketed.includes(":") || !/^[0-9a-f:.]+$/i.test(unbracketed)) return undefined;
  try {
    return new URL(`http://[${unbracketed}]/`).hostname;
  } catch {
    return undefined;
  }
}

const notADomain = () => new SealpostError("domain_invalid", "this is not a domain name");
