// Pays as the guide says, and runs what was bought.

import { loadMarketplacePlugin } from "@sealpost/marketplace-loader";
import { deviceWallet } from "@sealpost/plugin-sdk";
import { pay } from "/pay.js";

const said = [];

globalThis.bought = async () => {
  const { bundle, publisher } = await pay((text) => said.push(text));
  const plugin = await loadMarketplacePlugin(bundle, await deviceWallet({ name: "plugins" }), { publisherKey: publisher });
  return { said, kept: localStorage.paid, name: plugin.manifest.name };
};
globalThis.ready = true;
