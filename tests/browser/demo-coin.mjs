// The demo's sale for coin: `node demo-coin.mjs STORE FOLDER NODE KEY ACCOUNT` publishes a plugin, lists it on the chain of NODE by
// the key in the file KEY, pays for it in the shop from a wallet with ACCOUNT, and runs it there. Standard output gets one JSON object.

import path from "node:path";

import { askNode } from "./kit/anvil.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE, PICTURES } from "./kit/parts.mjs";
import { sellPlugin } from "./kit/publisher.mjs";
import { chooseKey, figures, readFile, registerInShop, toBuying } from "./kit/shop.mjs";
import { signIn } from "./kit/store.mjs";
import { putWallet, sentBy } from "./kit/wallet.mjs";

/** Milliseconds that blocks may take, and a store to see them. */
const PATIENCE = 60_000;

const [url, folder, node, key, account] = process.argv.slice(2);
const store = { url, folder };
const plugin = { name: "studio", title: "Insight Pro", pluginId: "org.sealpost.insight-pro", price: "0.0125", currency: "ETH" };
const { sealpost, listing, release } = await sellPlugin(store, plugin);
await sealpost(["chain", "list", listing.id, "--rpc", node, "--key", key, "--yes", "--json"]);

const browser = await launch();
try {
  const { context, page } = await openPage(browser);
  const wallet = await putWallet(context, { rpc: askNode(node), buyer: account });
  await page.goto(`${url}/shop/`);
  await registerInShop(page, "payer");
  await toBuying(page, plugin.title);
  await chooseKey(page, "account");
  await page.getByRole("button", { name: /^Pay / }).click();
  await page.getByRole("heading", { name: `Payment for ${plugin.title}` }).waitFor();
  const tx = new URL(page.url()).pathname.split("/").at(-1);
  await page.getByRole("status").getByRole("heading", { name: "Paid" }).waitFor({ timeout: PATIENCE });
  await picture(page, "demo-coin");
  await page.getByRole("link", { name: "Open it here" }).click();
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await readFile(page, GCODE);

  const buyer = await signIn(store, "payer");
  const { licences } = await buyer.ask("GET", "/api/v1/licences");
  const { payments } = await buyer.ask("GET", `/api/v1/payments/${tx}`);
  const answer = {
    title: listing.title,
    version: release.version,
    price: `${plugin.price} ${plugin.currency}`,
    sent: sentBy(wallet).map(({ value }) => BigInt(value).toString()),
    tx,
    state: payments[0].state,
    licence: licences[0].id,
    figures: await figures(page),
    picture: path.join(PICTURES, "demo-coin.png"),
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
} finally {
  await browser.close();
}
