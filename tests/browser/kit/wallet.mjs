// A wallet in the browser: it announces itself as real ones do (EIP-6963), has what the page asks confirmed by the test, and sends by
// the node's own accounts.

/**
 * Puts a wallet into every page of a context.
 *
 * @returns what the test holds of it: `account`, `chainId`, the methods it says no to, and all it was asked
 */
export async function putWallet(context, chain, { account = chain.buyer, name = "Test Wallet", announced = true } = {}) {
  const wallet = { account, chainId: Number(await chain.rpc("eth_chainId")), refuses: new Set(), asked: [], knows: [], beforeAnswer: undefined };
  const home = wallet.chainId;
  wallet.knows.push(home);
  const answers = {
    eth_requestAccounts: () => [wallet.account],
    eth_accounts: () => [wallet.account],
    eth_chainId: () => `0x${wallet.chainId.toString(16)}`,
    wallet_switchEthereumChain: ({ chainId }) => {
      if (!wallet.knows.includes(Number(chainId))) throw { code: 4902, message: "Unrecognized chain ID" };
      wallet.chainId = Number(chainId);
      return null;
    },
  };
  await context.exposeBinding("testWallet", async (_, { method, params = [] }) => {
    wallet.asked.push({ method, params });
    try {
      if (wallet.refuses.has(method)) throw { code: 4001, message: "User rejected the request." };
      const result = answers[method] ? answers[method](...params) : await onChain(method, params);
      await wallet.beforeAnswer?.(method, result);
      return { result };
    } catch ({ code = -32000, message, data }) {
      return { error: { code, message, data } };
    }
  });
  const onChain = (method, params) => {
    if (wallet.chainId !== home) throw { code: -32000, message: "there is no node for this chain" };
    return chain.rpc(method, ...params);
  };
  await context.addInitScript(install, { name, announced });
  return wallet;
}

/** What it was asked to send. */
export const sentBy = (wallet) => wallet.asked.filter(({ method }) => method === "eth_sendTransaction").map(({ params }) => params[0]);

/** Runs in the page, before its own scripts. */
function install({ name, announced }) {
  const provider = {
    async request({ method, params }) {
      const { result, error } = await globalThis.testWallet({ method, params });
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    },
  };
  if (!announced) return void (globalThis.ethereum = provider);
  const info = Object.freeze({ uuid: "3a0c9b0e-0d5f-4a53-9f2e-7f5b1e6a2c11", name, icon: "data:image/svg+xml,<svg/>", rdns: "org.example.wallet" });
  const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
}
