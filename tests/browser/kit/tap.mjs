// A wire between a browser and a store on which every byte that is sent can be looked at, and which can be cut.

import { once } from "node:events";
import net from "node:net";

/**
 * Listens before there is a store, which can so be told where people reach it: `public_url`. `keep` holds what browsers sent; without it
 * only sizes are counted.
 *
 * @returns {Promise<{ url: string, to(store: { url: string }): void, sent(): Buffer, bytes(): number, cutAfter(bytes: number): void, mend(): void, close(): Promise<void> }>}
 */
export async function tap({ keep = true } = {}) {
  let target;
  const pieces = [];
  const open = new Set();
  let [bytes, cut, down] = [0, Infinity, false];
  const server = net.createServer((browser) => {
    if (down) return browser.destroy();
    const upstream = net.connect(Number(target.port), target.hostname);
    const ends = [browser, upstream];
    for (const end of ends) {
      open.add(end);
      end.on("error", () => ends.forEach((each) => each.destroy()));
      end.on("close", () => (open.delete(end), ends.forEach((each) => each.destroy())));
    }
    browser.on("data", (piece) => {
      bytes += piece.length;
      if (keep) pieces.push(piece);
      if (bytes > cut) {
        down = true;
        return ends.forEach((each) => each.destroy());
      }
      if (!upstream.write(piece)) browser.pause();
    });
    upstream.on("drain", () => browser.resume());
    upstream.pipe(browser);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    to: (store) => void (target = new URL(store.url)),
    sent: () => Buffer.concat(pieces),
    bytes: () => bytes,
    /** Once that many more bytes were sent, the connection is lost, and all others that are tried: browsers try once more by themselves. */
    cutAfter: (more) => void (cut = bytes + more),
    mend: () => void ([cut, down] = [Infinity, false]),
    async close() {
      for (const end of open) end.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The parts of the forms that were sent to `POST /api/v1/releases`: `{ release, file }` each, from the first on. */
export function uploads(sent) {
  const found = [];
  let at = 0;
  for (;;) {
    const from = sent.indexOf("POST /api/v1/releases ", at);
    if (from < 0) return found;
    const headEnd = sent.indexOf("\r\n\r\n", from) + 4;
    const head = sent.subarray(from, headEnd).toString("latin1");
    const length = Number(/content-length: (\d+)/i.exec(head)[1]);
    const boundary = /boundary=([^\r\n;]+)/i.exec(head)[1];
    const body = sent.subarray(headEnd, headEnd + length);
    found.push({ head, ...parts(body, `--${boundary}`) });
    at = headEnd + length;
  }
}

function parts(body, cut) {
  const first = body.indexOf("\r\n\r\n") + 4;
  const middle = body.indexOf(`\r\n${cut}`, first);
  const second = body.indexOf("\r\n\r\n", middle + 4) + 4;
  const end = body.indexOf(`\r\n${cut}--`, second);
  return {
    release: JSON.parse(body.subarray(first, middle).toString("utf8")),
    fileHead: body.subarray(middle, second).toString("utf8"),
    file: end < 0 ? body.subarray(second) : body.subarray(second, end),
    whole: end >= 0,
  };
}
