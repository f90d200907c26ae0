// A page of a site of somebody's own: the packages as they lie in `sdk/`, no bundler, a strict policy.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";

import { ROOT } from "./parts.mjs";

const PACKAGES = ["plugin-sdk", "marketplace-loader", "marketplace-client"];
const LIBRARIES = ["@noble/curves/", "@noble/hashes/", "@scure/base", "@scure/bip32", "@scure/bip39", "@scure/bip39/"];
const MAP = JSON.stringify({
  imports: Object.fromEntries([
    ...PACKAGES.map((name) => [`@sealpost/${name}`, `/sdk/${name}/index.js`]),
    ...LIBRARIES.map((name) => [name, `/sdk/node_modules/${name}${name.endsWith("/") ? "" : "/index.js"}`]),
  ]),
});
const policyFor = (connect) =>
  [
    "default-src 'none'",
    `script-src 'self' 'wasm-unsafe-eval' 'sha256-${createHash("sha256").update(MAP).digest("base64")}'`,
    `connect-src ${connect}`,
  ].join("; ");

/**
 * Serves the packages, the script `script` of this folder, and further files by path; its page may `connect` there.
 *
 * @returns {Promise<{ url: string, stop: () => void }>}
 */
export async function startSite(script, files = {}, { connect = "'self'" } = {}) {
  const page = `<!doctype html><title>test</title><script type="importmap">${MAP}</script><script type="module" src="/${script}"></script>`;
  const server = createServer(async ({ url }, response) => {
    const send = (type, body) => response.writeHead(200, { "content-type": type, "cache-control": "no-store", ...policy }).end(body);
    const policy = { "content-security-policy": policyFor(connect) };
    const { pathname } = new URL(url, "http://site");
    if (pathname === "/") return send("text/html", page);
    if (files[pathname]) return send(pathname.endsWith(".js") ? "text/javascript" : "application/octet-stream", files[pathname]);
    const file = path.join(ROOT, pathname.startsWith("/sdk/") ? "" : "tests/browser", path.normalize(pathname));
    const body = pathname.endsWith(".js") || pathname.endsWith(".mjs") ? await readFile(file).catch(() => undefined) : undefined;
    return body ? send("text/javascript", body) : response.writeHead(404, policy).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://localhost:${server.address().port}/`,
    stop: () => server.close().closeAllConnections(),
  };
}
