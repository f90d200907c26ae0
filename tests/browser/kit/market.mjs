// A store that sells on a chain, and plugins that are sold there.

import { startChain } from "./anvil.mjs";
import { sellPlugin } from "./publisher.mjs";
import { startStore } from "./store.mjs";

/** Blocks that a payment has to have. */
export const NEEDED = 3;

export async function startMarket() {
  const chain = await startChain();
  const config = `
[chain]
id = ${Number(await chain.rpc("eth_chainId"))}
contract = "${chain.contract}"
rpc = ["${chain.url}"]
finality = ${NEEDED}
from_block = 0
coin = "ETH"
explorer = "https://explorer.example"
poll_ms = 200

[[chain.tokens]]
symbol = "USDC"
address = "${chain.usdc}"
decimals = 6
`;
  const store = await startStore({ config }).catch(async (error) => {
    await chain.stop();
    throw error;
  });
  return {
    chain,
    store,
    async stop() {
      await store.stop();
      await chain.stop();
    },
  };
}

/** Publishes a plugin for a price in coin or token, and puts it into the contract by the publisher's wallet. */
export async function sellOnChain({ chain, store }, { name, title, price, currency = "ETH", listed = true, payout = chain.publisher }) {
  const seller = await sellPlugin(store, { name, title, price, currency, pluginId: `org.example.${name}` });
  if (!listed) return seller;
  const listing = `/api/v1/listings/${seller.listing.id}`;
  await seller.ask("PUT", `${listing}/payout`, { address: payout });
  const { list } = await seller.ask("GET", `${listing}/offer`);
  await chain.send({ from: payout, to: list.to, data: list.data });
  // What a store says of a listing may be a little old.
  await until(async () => (await seller.ask("GET", `${listing}/offer`)).listed === "yes");
  return seller;
}

/** Waits for what comes by itself. */
export async function until(holds) {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
