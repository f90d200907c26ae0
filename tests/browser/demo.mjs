// The demo's half in the browser: `node demo.mjs STORE FOLDER` sells the example plugin at the command line, buys it as
// somebody else in the shop and runs it there. Standard output gets one JSON object.

import { stat } from "node:fs/promises";
import path from "node:path";

import { launch, openPage, picture } from "./kit/chromium.mjs";
import { GCODE, PICTURES } from "./kit/parts.mjs";
import { sellPlugin, TITLE } from "./kit/publisher.mjs";
import { buy, figures, open, readFile, registerInShop } from "./kit/shop.mjs";
import { PASSWORD } from "./kit/store.mjs";

const [url, folder] = process.argv.slice(2);
const { listing, release } = await sellPlugin({ url, folder }, { name: "maker" });
const browser = await launch();
try {
  const { page, seen } = await openPage(browser);
  await page.goto(`${url}/shop/`);
  await registerInShop(page, "visitor");
  const { licence } = await buy(page, TITLE, "browser");
  await open(page);
  const signer = await page.getByText(/^Signed by/).getAttribute("title");
  await readFile(page, GCODE);
  await picture(page, "demo");
  const answer = {
    title: listing.title,
    plugin_id: listing.plugin.plugin_id,
    version: release.version,
    size: release.plain_size,
    licence,
    signed: signer === listing.plugin.publisher_key,
    file: path.basename(GCODE),
    file_size: (await stat(GCODE)).size,
    sent: Math.max(...seen.requests.map((request) => request.postDataBuffer()?.length ?? 0)),
    figures: await figures(page),
    picture: path.join(PICTURES, "demo.png"),
    buyer: "visitor@example.org",
    password: PASSWORD,
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
} finally {
  await browser.close();
}
