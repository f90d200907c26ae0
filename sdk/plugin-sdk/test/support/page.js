// A page in Chromium under a strict Content-Security-Policy, with the package as it lies here and no bundler.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { examples } from "./readme.js";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** What `node:test` says where there is no Chromium; none where there is. */
export const skip = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}: set CHROMIUM to one`;

const ROOT = new URL("../../../../", import.meta.url);

/** What a page without a bundler has to say about where the packages are. */
const IMPORTS = {
  "@sealpost/plugin-sdk": "/sdk/plugin-sdk/index.js",
  ...Object.fromEntries(
    ["@noble/curves/", "@noble/hashes/", "@scure/base", "@scure/bip32", "@scure/bip39", "@scure/bip39/"].map((name) => [
      name,
      `/sdk/node_modules/${name}${name.endsWith("/") ? "" : "/index.js"}`,
    ]),
  ),
};
const MAP = JSON.stringify({ imports: IMPORTS });
const POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash("sha256").update(MAP).digest("base64")}'`,
  "connect-src 'self'",
].join("; ");
const HTML = `<!doctype html><title>test</title><script type="importmap">${MAP}</script><script type="module" src="/page.js"></script>`;

/**
 * @returns {Promise<{ page: import("playwright-core").Page, context: import("playwright-core").BrowserContext, origin: string,
 *   requests: string[], close: () => Promise<void> }>}
 */
export async function openPage() {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const origin = `http://localhost:${port}`;
  const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"];
  const args = [...flags, "--disable-background-networking", "--disable-component-update"];
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args });
  const context = await browser.newContext();
  const page = await context.newPage();
  /** @type {string[]} */
  const requests = [];
  page.on("request", (request) => requests.push(`${request.method()} ${request.url()} ${request.postData() ?? ""}`));
  page.on("console", (message) => requests.push(`console ${message.text()}`));
  page.on("pageerror", (error) => requests.push(`console ${error.message}`));
  await page.goto(origin);
  await page.waitForFunction("window.ready === true");
  return {
    page,
    context,
    origin,
    requests,
    close: async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** @type {import("node:http").RequestListener} */
async function answer(request, response) {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  if (path === "/") {
    response.writeHead(200, { "content-type": "text/html", "content-security-policy": POLICY });
    response.end(HTML);
    return;
  }
  const example = /^\/readme\/(\d)\.js$/.exec(path)?.[1];
  if (example !== undefined) {
    response.writeHead(200, { "content-type": "text/javascript" });
    response.end(examples("js browser")[Number(example)]);
    return;
  }
  const file = new URL(path === "/page.js" ? "sdk/plugin-sdk/test/browser/page.js" : `.${path}`, ROOT);
  try {
    const type = path.endsWith(".json") ? "application/json" : "text/javascript";
    const bytes = await readFile(fileURLToPath(file));
    response.writeHead(200, { "content-type": type });
    response.end(bytes);
  } catch {
    response.writeHead(404);
    response.end();
  }
}
