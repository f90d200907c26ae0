import { once } from "node:events";
import { createServer } from "node:http";

/**
 * A server whose answers a test writes; it closes with the test.
 *
 * @param {import("node:test").TestContext} context
 * @param {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse, count: number) => void} answer
 *   `count` is the number of the request, from 1
 */
export async function serving(context, answer) {
  /** @type {import("node:http").IncomingHttpHeaders[]} */
  const asked = [];
  /** @type {string[]} */
  const paths = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    paths.push(request.url ?? "");
    answer(request, response, asked.length);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { origin: `http://127.0.0.1:${port}`, asked, paths };
}

/**
 * Answers a request for a part as a good server does.
 *
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {Uint8Array} bytes
 * @param {{ etag?: string, cutAt?: number }} [how] with `cutAt`, the connection breaks at that place of the blob
 */
export function serve(request, response, bytes, { etag, cutAt = Infinity } = {}) {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const condition = request.headers["if-range"];
  const start = range && (condition === undefined || condition === etag) ? Number(range[1]) : 0;
  const headers = { "content-length": bytes.length - start, ...(etag && { etag }) };
  if (start > 0) {
    response.writeHead(206, { ...headers, "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
  } else {
    response.writeHead(200, headers);
  }
  if (cutAt >= bytes.length) {
    response.end(bytes.subarray(start));
  } else {
    response.write(bytes.subarray(start, Math.max(start, cutAt)), () => response.destroy());
  }
}
