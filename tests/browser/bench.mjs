// `node bench.mjs`: one JSON object a size, with the median milliseconds of the loader and of its limit.

import { readFile } from "node:fs/promises";

import { launch, openPage } from "./kit/chromium.mjs";
import { grow } from "./kit/grow.mjs";
import { startSite } from "./kit/pages.mjs";
import { MANIFEST, PLUGIN } from "./kit/parts.mjs";

const SIZES = [
  { megabytes: 1, turns: 42 },
  { megabytes: 10, turns: 22 },
];

const wasm = await readFile(PLUGIN);
const manifest = JSON.parse(await readFile(MANIFEST, "utf8"));
const files = Object.fromEntries(SIZES.map(({ megabytes }) => [`/${megabytes}`, grow(wasm, megabytes * 1e6)]));
const site = await startSite("pages/bench.mjs", files);
const browser = await launch();
try {
  for (const { megabytes, turns } of SIZES) {
    const { page, context } = await openPage(browser);
    await page.goto(site.url);
    await page.waitForFunction(() => globalThis.ready);
    const { ours, reference } = await page.evaluate((asked) => globalThis.race(asked), { url: `/${megabytes}`, manifest, turns });
    process.stdout.write(`${JSON.stringify({ megabytes, ours: median(ours), reference: median(reference) })}\n`);
    await context.close();
  }
} finally {
  await browser.close();
  site.stop();
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}
