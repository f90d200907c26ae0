// A wallet of a chain that exists only here: accounts, balances, an allowance, and a note of what was asked.

export const ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
export const CONTRACT = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
export const TOKEN = "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512";
export const CHAIN = 31337;

/** What a store says of its chain, as it was recorded. */
export const chain = {
  chain_id: CHAIN,
  contract: CONTRACT,
  coin: { symbol: "ETH", decimals: 18 },
  tokens: [{ symbol: "USDC", address: TOKEN, decimals: 6 }],
  from_block: 0,
  finality: "12",
  fee_bps: 1500,
  caught_up: true,
};

const word = (/** @type {bigint} */ value) => `0x${value.toString(16).padStart(64, "0")}`;

const text = (/** @type {string} */ value) =>
  `${word(32n)}${word(BigInt(value.length)).slice(2)}${Buffer.from(value).toString("hex").padEnd(64, "0")}`;

/**
 * @param {object} [state]
 * @param {number} [state.chainId]
 * @param {bigint} [state.coin]
 * @param {bigint} [state.token]
 * @param {bigint} [state.allowance]
 * @param {string[]} [state.refuses] methods that its owner says no to
 * @param {boolean} [state.stubborn] says yes to another chain and stays
 * @param {string} [state.status] of receipts
 * @param {boolean | string} [state.bought] whether every key has the item already, or the key on chain that has it
 * @param {string} [state.symbol] of the token
 * @param {bigint} [state.decimals] of the token
 * @param {string} [state.owner] of the contract
 * @param {string} [state.account]
 * @param {boolean} [state.replaced] whether the wallet sends something else in place of what it was asked for
 */
export function ethereum({
  chainId = CHAIN,
  coin = 10n ** 20n,
  token = 10n ** 9n,
  allowance = 0n,
  refuses = [],
  stubborn = false,
  status = "0x1",
  bought = false,
  symbol = "USDC",
  decimals = 6n,
  owner = CONTRACT,
  account = ACCOUNT,
  replaced = false,
} = {}) {
  /** @type {{ method: string, params: any }[]} */
  const asked = [];
  let sent = 0;
  const answers = /** @type {Record<string, (...params: any[]) => unknown>} */ ({
    eth_requestAccounts: () => [account.replace("f39f", "F39F")],
    eth_chainId: () => `0x${chainId.toString(16)}`,
    wallet_switchEthereumChain: ({ chainId: wanted }) => {
      if (!stubborn) chainId = Number(wanted);
      return null;
    },
    eth_getBalance: () => `0x${coin.toString(16)}`,
    eth_call: (/** @type {{ data: string }} */ { data }) => {
      const has = typeof bought === "string" ? data.includes(bought.slice(2)) : bought;
      const calls = { "0x908d26d1": BigInt(has), "0x70a08231": token, "0xdd62ed3e": allowance, "0x313ce567": decimals, "0x8da5cb5b": BigInt(owner) };
      if (data === "0x95d89b41") return text(symbol);
      return word(/** @type {Record<string, bigint>} */ (calls)[data.slice(0, 10)] ?? -1n);
    },
    eth_sendTransaction: () => `0x${(++sent).toString(16).padStart(64, "A")}`,
    eth_getTransactionByHash: () => ({ nonce: "0x7" }),
    eth_getTransactionCount: () => (replaced ? "0x8" : "0x7"),
    eth_getTransactionReceipt: () => (replaced ? null : { status, logs: [] }),
  });
  return {
    asked,
    /** The transactions it was asked to send. */
    get sent() {
      return asked.filter(({ method }) => method === "eth_sendTransaction").map(({ params }) => params[0]);
    },
    async request(/** @type {{ method: string, params?: any }} */ { method, params = [] }) {
      asked.push({ method, params });
      if (refuses.includes(method)) throw { code: 4001, message: "User rejected the request." };
      const answer = answers[method];
      if (!answer) throw { code: 4200, message: "unsupported" };
      return answer(...params);
    },
  };
}
