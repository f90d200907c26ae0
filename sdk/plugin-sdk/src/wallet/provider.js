// Wallets of the chain (EIP-1193), and what they say when they do not do something.

import { SealpostError, badArgument } from "../error.js";

/**
 * What wallets put into pages.
 *
 * @typedef {object} Provider
 * @property {(request: { method: string, params?: any }) => Promise<any>} request
 */

/** Longest text of a wallet that is passed on. */
const SHOWN = 300;

/**
 * Asks a wallet; what it refuses is a `SealpostError`: `wallet_rejected` where its owner said no.
 *
 * @param {Provider} provider
 * @param {string} method such as `eth_chainId`
 * @param {unknown[] | Record<string, unknown>} [params]
 * @returns {Promise<any>}
 */
export async function askProvider(provider, method, params) {
  if (typeof provider?.request !== "function") throw badArgument("provider", "a wallet (EIP-1193)");
  if (typeof method !== "string") throw badArgument("method", "the name of a method");
  try {
    return await provider.request(params === undefined ? { method } : { method, params });
  } catch (cause) {
    throw refusal(method, cause);
  }
}

/**
 * @param {string} method
 * @param {any} cause
 */
function refusal(method, cause) {
  // Some wallets wrap what the chain's node said.
  const number = [cause?.code, cause?.data?.originalError?.code, cause?.cause?.code].find((code) => typeof code === "number");
  const text = typeof cause?.message === "string" ? cause.message.slice(0, SHOWN) : "";
  const detail = { method, code: number, ...(text && { text }) };
  if (number === 4001 || cause?.code === "ACTION_REJECTED") {
    return new SealpostError("wallet_rejected", "it was not confirmed in the wallet", { detail });
  }
  if (number === 4100) return new SealpostError("wallet_locked", "the wallet does not show this account", { detail });
  if (number === 4200 || number === -32601) {
    return new SealpostError("wallet_cannot", `the wallet does not know \`${method}\``, { detail });
  }
  if (number === 4902) return new SealpostError("wallet_no_chain", "the wallet does not know this chain", { detail });
  if (number === -32002) return new SealpostError("wallet_busy", "the wallet has a question open already", { detail });
  return new SealpostError("wallet_failed", `the wallet did not do it${text ? `: ${text}` : ""}`, { detail });
}
