import { once } from "node:events";
import { createServer } from "node:http";

import { MarketplaceClient } from "../../index.js";

/**
 * @typedef {object} Heard
 * @property {string} method
 * @property {string} path
 * @property {import("node:http").IncomingHttpHeaders} headers
 * @property {string} body
 *
 * @typedef {{ status: number, body?: unknown, headers?: Record<string, string> } | "hang up"} Said
 */

/**
 * A store that gives these answers, one a request, and the last one again; it closes with the test.
 *
 * @param {import("node:test").TestContext} context
 * @param {...Said} answers
 */
export async function storeThatSays(context, ...answers) {
  /** @type {Heard[]} */
  const heard = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const said = answers[Math.min(heard.length, answers.length - 1)] ?? "hang up";
    heard.push({ method: String(request.method), path: String(request.url), headers: request.headers, body });
    if (said === "hang up") return request.socket.destroy();
    const type = said.status >= 400 ? "application/problem+json" : "application/json";
    response.writeHead(said.status, { "content-type": type, ...said.headers });
    response.end(said.body === undefined ? "" : typeof said.body === "string" ? said.body : JSON.stringify(said.body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;
  return { origin, heard, answers, client: new MarketplaceClient({ store: origin, token: "the-token", backoff: 0 }) };
}
