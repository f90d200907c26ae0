// The publisher's side, under the names of the OrbPro marketplace document.

import { toBase64 } from "./base64.js";
import { randomBytes, viewOptions } from "./bytes.js";
import { addBuyers, addDomains, sealBundle } from "./bundle.js";
import { sealContent } from "./content.js";
import { wrapMarketplaceDEK } from "./ecies.js";
import { DEK } from "./gcm.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./bytes.js").BytesLike} BytesLike */
/** @typedef {import("./bundle.js").Bundle} Bundle */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./domain.js").DomainKek} DomainKek */
/** @typedef {import("./envelope.js").Envelope} Envelope */
/** @typedef {import("./recipient.js").Recipient} Recipient */

/**
 * @typedef {object} SealOptions
 * @property {string} [version] of the plugin, such as `1.0.0`
 * @property {Record<string, unknown>} [manifest]
 * @property {DomainKek} [domainKek] how domain keys are derived: version 2, epoch 0 unless said otherwise
 * @property {BytesLike} [dek] a content key at hand, which must not have sealed anything else: give one to be able to add
 *   buyers later
 */

/**
 * Seals a plugin with a fresh content key: once for all buyers.
 *
 * @param {BytesLike} data
 * @returns {Promise<{ encryptedData: string, dek: Bytes }>} base64 of `iv12 ‖ ct ‖ tag16`, and the content key for the
 *   publisher's vault
 */
export async function encryptForMarketplace(data) {
  const dek = randomBytes(DEK);
  return { encryptedData: toBase64(await sealContent(data, dek)), dek };
}

/**
 * Wraps the content key for one buyer.
 *
 * @param {BytesLike} dek
 * @param {string | BytesLike} pubkeyHex
 * @param {Curve} curve
 * @param {string} pluginId
 * @returns {Promise<Envelope>}
 */
export async function wrapDEKForBuyer(dek, pubkeyHex, curve, pluginId) {
  return wrapMarketplaceDEK(dek, pubkeyHex, pluginId, { curve });
}

/**
 * Seals a plugin for domains and buyers at once; either kind of slot opens it. Sign what comes out (`signBundle`).
 *
 * @param {BytesLike} data
 * @param {BytesLike | string} secret the publisher's, from which the keys of domains come
 * @param {string} pluginId
 * @param {readonly string[]} domains
 * @param {readonly Recipient[]} buyers
 * @param {SealOptions} [sealOptions]
 * @returns {Promise<Bundle & { encryptedData: string }>}
 */
export async function encryptWithDualKEK(data, secret, pluginId, domains, buyers, sealOptions) {
  const { domainKek, ...options } = viewOptions(sealOptions);
  const { bundle, dek } = await sealBundle(pluginId, data, options);
  try {
    const gated = await addDomains(bundle, dek, secret, domains, domainKek);
    return /** @type {Bundle & { encryptedData: string }} */ (await addBuyers(gated, dek, buyers));
  } finally {
    if (options.dek === undefined) dek.fill(0);
  }
}

/**
 * Seals a plugin for domains only.
 *
 * @param {BytesLike} data
 * @param {BytesLike | string} secret
 * @param {string} pluginId
 * @param {readonly string[]} domains
 * @param {SealOptions} [options]
 * @returns {Promise<Bundle & { encryptedData: string }>}
 */
export async function encryptWithKEKWrapper(data, secret, pluginId, domains, options) {
  return encryptWithDualKEK(data, secret, pluginId, domains, [], options);
}
