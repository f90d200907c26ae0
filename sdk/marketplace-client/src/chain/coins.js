// What money on a chain is called. The coin's name goes by the chain's number, and a token is asked itself: whoever pays must not
// have to believe what a store calls it.

import { askProvider } from "@sealpost/plugin-sdk";

import { fail } from "../fail.js";
import { decimalsData, readText, symbolData } from "./abi.js";
import { view } from "./wallet.js";

/** @typedef {import("@sealpost/plugin-sdk").Provider} Provider */
/** @typedef {import("../types.js").ChainInfo} ChainInfo */

/**
 * What coins are called, newest name first, by the chain's number (EIP-155).
 *
 * @type {Record<string, number[]>}
 */
const CHAINS = {
  ETH: [1, 10, 1337, 8453, 31337, 42161, 59144, 84532, 421614, 11155111, 11155420],
  BNB: [56],
  XDAI: [100],
  "POL MATIC": [137],
  CELO: [42220],
  AVAX: [43114],
};
const COIN_DECIMALS = 18;

/**
 * What the coin of a chain is called; nothing where the chain is not a known one.
 *
 * @param {number} chainId
 * @returns {string | undefined}
 */
export const coinOf = (chainId) => namesOf(chainId)[0];

/**
 * What is wrong with what a store calls the coin of its chain; nothing where that is its name, or nobody can say.
 *
 * @param {Pick<ChainInfo, "chain_id" | "coin">} chain
 * @returns {string | undefined}
 */
export function wrongCoin({ chain_id, coin }) {
  const names = namesOf(chain_id);
  if (names.length === 0 || (names.includes(coin.symbol.toUpperCase()) && coin.decimals === COIN_DECIMALS)) return undefined;
  return `it calls the coin of chain ${chain_id} ${coin.symbol} with ${coin.decimals} decimals, and that is ${names[0]} with ${COIN_DECIMALS}`;
}

/**
 * Asks a token for its name and decimals, and holds a store's word against them.
 *
 * @param {Provider} provider on the token's chain
 * @param {{ token: string, currency: string, decimals: number }} said
 */
export async function checkToken(provider, { token, currency, decimals }) {
  const has = await view(provider, token, await decimalsData());
  const symbol = readText(await askProvider(provider, "eth_call", [{ to: token, data: await symbolData() }, "latest"]));
  if (has === BigInt(decimals) && plain(symbol) === plain(currency)) return;
  throw fail(
    "token_differs",
    `the token at ${token} calls itself ${symbol || "nothing"} with ${readDecimals(has)} decimals, and the store says ${currency} with ${decimals}`,
    "Send nothing, and tell the store's operator.",
    { token, symbol },
  );
}

/** @param {bigint} decimals */
const readDecimals = (decimals) => (decimals < 256n ? String(decimals) : "senseless");

/**
 * Letters and digits alone: stores know no dots in names (`USDC.e`), and one token writes its T with two strokes.
 *
 * @param {string} symbol
 */
const plain = (symbol) => symbol.replaceAll("₮", "T").toUpperCase().replace(/[^A-Z0-9]/g, "");

/** @param {number} chainId */
const namesOf = (chainId) => Object.entries(CHAINS).find(([, chains]) => chains.includes(chainId))?.[0].split(" ") ?? [];
