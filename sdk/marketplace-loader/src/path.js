import { fail } from "./fail.js";

/**
 * The derivation path of a wallet's key for plugins (BIP-44 shape; 9999' is the marketplace's own).
 *
 * @param {number} pluginIndex
 * @returns {string}
 */
export function getPluginKeyPath(pluginIndex) {
  if (Number.isInteger(pluginIndex) && pluginIndex >= 0 && pluginIndex < 2 ** 31) return `m/44'/9999'/0'/0/${pluginIndex}`;
  throw fail("wallet_index", "the index of a plugin's key is not a whole number below 2147483648");
}
