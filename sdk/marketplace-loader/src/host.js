import { normaliseDomain } from "@sealpost/plugin-sdk";

import { fail } from "./fail.js";

/**
 * The domain a plugin runs on: that of the page, which has to be the one the caller says; outside of pages, the
 * caller's word.
 *
 * @param {string} [said]
 * @returns {string | undefined}
 */
export function runningOn(said) {
  const host = globalThis.location?.hostname || undefined;
  if (said === undefined) return host;
  const domain = normaliseDomain(said);
  if (host === undefined || host === domain) return domain;
  throw fail(
    "domain_wrong_host",
    `the plugin was to run on ${domain}, this page is on ${host}`,
    "Open the page under the domain the key was made for, or ask the publisher for this domain's key.",
  );
}
