// The npm packages as people get them: packed, installed into an empty project, and their guides followed to the letter.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { launch, openPage, picture } from "./kit/chromium.mjs";
import { ROOT } from "./kit/parts.mjs";
import { startStore } from "./kit/store.mjs";

const SDK = path.join(ROOT, "sdk");
const PACKAGES = ["plugin-sdk", "marketplace-loader", "marketplace-client"];
/** What the guides call the store and its people. */
const STORE = "https://store.example";
const PEOPLE = { ada: "correct horse battery", grace: "staple battery horse" };
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
/** Adds one: the module of the guides' examples. */
const ADDER = "AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAQcUAgZtZW1vcnkCAAdjb21wdXRlAAAKCQEHACAAQQFqCw==";

describe("the packed npm packages", { timeout: 300_000 }, () => {
  let folder, project, store, site, browser, guide;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sealpost-packed-"));
    project = path.join(folder, "project");
    await mkdir(path.join(project, "examples"), { recursive: true });
    guide = await readFile(path.join(ROOT, "docs/sdk-guide.md"), "utf8");
    await install();
    store = await startStore();
    for (const [username, password] of Object.entries(PEOPLE)) await register(username, password);
    site = await serve();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    site?.server.close();
    await store?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  test("hold what they need and nothing of the tests", async () => {
    for (const name of PACKAGES) {
      const files = await readdir(path.join(project, "node_modules/@sealpost", name));
      assert.deepEqual(files.sort(), ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "index.js", "package.json", "src", "types"]);
    }
  });

  test("have types that a strict TypeScript project takes", async () => {
    await writeFile(path.join(project, "typed.ts"), TYPED);
    const settings = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2023,dom", "--types", ""];
    await in_(project, path.join(SDK, "node_modules/.bin/tsc"), [...settings, "typed.ts"]);
  });

  for (const name of PACKAGES) {
    test(`run the README of ${name} under Node`, async () => {
      const codes = await examples(name, "node");
      assert.ok(codes.length >= 2);
      for (const [at, code] of codes.entries()) {
        const file = path.join(project, "examples", `${name}-${at}.mjs`);
        await writeFile(file, code);
        assert.equal(await in_(project, process.execPath, [file]), "", code);
      }
    });

    test(`run the README of ${name} in a page without a bundler, under a strict policy`, async () => {
      for (const [at, code] of (await examples(name, "page")).entries()) {
        if (code.includes("hd-wallet-wasm")) continue;
        const { context, page, seen } = await openPage(browser);
        await writeFile(path.join(project, "examples", `${name}-${at}.js`), `${code}\nglobalThis.finished = true;\n`);
        await writeFile(path.join(project, "example.html"), pageOf(`examples/${name}-${at}.js`));
        await page.goto(`${site.url}/example.html`);
        await page.waitForFunction(() => globalThis.finished).catch(() => {});
        // Publishing asks whether there is a listing already, and browsers tell of every 404.
        const told = seen.console.filter((message) => !message.location().url.includes("/api/v1/listings/"));
        assert.deepEqual([...seen.errors.map(String), ...told.map((message) => message.text())], [], code);
        assert.equal(await page.evaluate(() => globalThis.finished), true);
        await context.close();
      }
    });
  }

  test("publish, buy and run a plugin as the guide says, file by file", async () => {
    const files = ["manifest.json", "publish.mjs", "index.html", "app.js", "csp.mjs"];
    for (const name of files) await writeFile(path.join(project, name), fromGuide(name));
    await writeFile(path.join(project, "plugin.wasm"), Buffer.from(ADDER, "base64"));
    await writeFile(path.join(project, "publisher.key"), crypto.getRandomValues(new Uint8Array(32)));
    await writeFile(path.join(project, "account.json"), JSON.stringify({ username: "ada", password: PEOPLE.ada }));

    assert.match(await in_(project, process.execPath, ["publish.mjs"]), /^published 1\.0\.0, sealed as bafkrei[a-z2-7]+\n$/);
    const hash = (await in_(project, process.execPath, ["csp.mjs"])).trim();
    const [policy] = /(?<=^Content-Security-Policy: ).+$/m.exec(guide);
    site.policy = policy.replace("'sha256-…'", hash).replace(STORE, store.url);

    const { context, page, seen } = await openPage(browser);
    for (let visit = 0; visit < 2; visit++) {
      await page.goto(`${site.url}/index.html`);
      await page.getByRole("button", { name: "Get it and run it" }).click();
      await page.getByText("42", { exact: true }).waitFor();
    }
    await picture(page, "guide");
    assert.deepEqual([...seen.errors.map(String), ...seen.console.map((message) => message.text())], []);
    const blobs = seen.requests.filter((request) => request.url().endsWith("/blob"));
    assert.equal(blobs.length, 1, "the second visit has the sealed blob from its cache");

    site.policy = site.policy.replace(" 'wasm-unsafe-eval'", "");
    await page.reload();
    await page.getByRole("button", { name: "Get it and run it" }).click();
    await page.getByText("(plugin_forbidden)").waitFor();
    await context.close();
  });

  /** Packs the three, and installs them into a project that has nothing else. */
  async function install() {
    const workspaces = PACKAGES.flatMap((name) => ["--workspace", name]);
    const packed = JSON.parse(await in_(SDK, "npm", ["pack", "--json", "--silent", "--ignore-scripts=false", "--pack-destination", folder, ...workspaces]));
    const tarballs = packed.map(({ filename }) => path.join(folder, filename));
    assert.equal(tarballs.length, PACKAGES.length);
    await writeFile(path.join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--silent"];
    await in_(project, "npm", ["install", ...quiet, ...tarballs, "hd-wallet-wasm@2.0.21"]);
  }

  async function register(username, password) {
    const body = JSON.stringify({ username, password, email: `${username}@example.org` });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${store.url}/api/v1/accounts`, { method: "POST", headers, body });
    assert.equal(answer.status, 201, await answer.text());
  }

  /** A static server, as plain as they come; whatever it sends has the policy. */
  async function serve() {
    const hash = await importMapHash();
    const found = {
      policy: `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' '${hash}'; connect-src ${store.url}; require-trusted-types-for 'script'`,
    };
    found.server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url, "http://x");
      const file = path.join(project, path.normalize(pathname));
      const body = await readFile(file).catch(() => undefined);
      const type = TYPES[path.extname(file)];
      if (!body || !type) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": type, "content-security-policy": found.policy }).end(body);
    });
    found.server.listen(0, "127.0.0.1");
    await once(found.server, "listening");
    found.url = `http://localhost:${found.server.address().port}`;
    return found;
  }

  async function importMapHash() {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(importMap()));
    return `sha256-${Buffer.from(digest).toString("base64")}`;
  }

  const importMap = () => /(?<=<script type="importmap">).*?(?=<\/script>)/s.exec(guide)[0];
  const pageOf = (script) =>
    `<!doctype html><script type="importmap">${importMap()}</script><script type="module" src="${script}"></script>`;

  /** One file of the guide, for this store. */
  function fromGuide(name) {
    const found = new RegExp(`^( *)\`\`\`[a-z]+ ${name.replace(".", "\\.")}\n(.*?)^\\1\`\`\`$`, "ms").exec(guide);
    assert.ok(found, `${name} is in the guide`);
    return found[2].replaceAll(new RegExp(`^${found[1]}`, "gm"), "").replaceAll(STORE, store.url);
  }

  /** A README's examples, for this store and with a plugin of their own. */
  async function examples(name, where) {
    const readme = await readFile(path.join(project, "node_modules/@sealpost", name, "README.md"), "utf8");
    const codes = Array.from(readme.matchAll(/^```js\n(.*?)^```$/gms), ([, code]) => code);
    const own = `com.publisher.my-plugin-${name}-${where}`;
    return codes.map((code) => code.replaceAll(STORE, store.url).replaceAll("com.publisher.my-plugin", own));
  }
});

/** Everything a program printed; a failure is an error that holds it. */
async function in_(cwd, program, args) {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { cwd, maxBuffer: 16 << 20 });
    return program === "npm" ? stdout : stdout + stderr;
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}\n${error.stdout}\n${error.stderr}`, { cause: error });
  }
}

const TYPED = `
import { MarketplaceClient, type Licence } from "@sealpost/marketplace-client";
import { loadMarketplacePlugin, type MarketplacePlugin, type LoadOptions } from "@sealpost/marketplace-loader";
import { SealpostError, walletFromMnemonic, type Bundle } from "@sealpost/plugin-sdk";

export async function open(bundle: Bundle, words: string, options: LoadOptions): Promise<MarketplacePlugin> {
  const wallet = await walletFromMnemonic(words, { curve: "p256" });
  // @ts-expect-error: there is no such curve
  await wallet.key(1, "p521");
  return loadMarketplacePlugin(bundle, wallet, options);
}

export async function first(store: string): Promise<Licence | undefined> {
  const client = new MarketplaceClient({ store });
  // @ts-expect-error: an amount has a currency
  await client.publishPlugin({ pluginId: "a", version: "1", wasm: new Uint8Array(), price: { amount: 1 } }).catch(() => {});
  return (await client.licences())[0];
}

export const codeOf = (error: unknown): string => (error instanceof SealpostError ? error.code : "");
`;
