import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { download } from "../src/download.js";
import { serve, serving } from "./kit/server.js";

const blob = crypto.getRandomValues(new Uint8Array(60_000));
const etag = '"first"';
/** @type {import("../src/download.js").DownloadOptions} */
const options = { maxBytes: 1 << 20, backoff: 0 };

describe("a download that breaks", () => {
  it("goes on where it broke, under the same ETag", async (context) => {
    const { origin, asked } = await serving(context, (request, response, count) =>
      serve(request, response, blob, { etag, cutAt: [10_000, 25_000][count - 1] }),
    );
    assert.deepEqual(await download(origin, options), blob);
    assert.deepEqual(
      asked.map((headers) => [headers.range, headers["if-range"]]),
      [
        [undefined, undefined],
        ["bytes=10000-", etag],
        ["bytes=25000-", etag],
      ],
    );
  });

  it("begins anew where the blob changed meanwhile", async (context) => {
    const other = crypto.getRandomValues(new Uint8Array(50_000));
    const { origin, asked } = await serving(context, (request, response, count) =>
      count === 1
        ? serve(request, response, blob, { etag, cutAt: 10_000 })
        : serve(request, response, other, { etag: '"second"' }),
    );
    assert.deepEqual(await download(origin, options), other);
    assert.equal(asked.length, 2);
  });

  it("begins anew where there is no ETag", async (context) => {
    const { origin, asked } = await serving(context, (request, response, count) =>
      serve(request, response, blob, { cutAt: count === 1 ? 10_000 : undefined }),
    );
    assert.deepEqual(await download(origin, options), blob);
    assert.equal(asked[1]?.range, undefined);
  });

  it("goes on without an ETag where the blob is known by its hash", async (context) => {
    const { origin, asked } = await serving(context, (request, response, count) =>
      serve(request, response, blob, { cutAt: count === 1 ? 10_000 : undefined }),
    );
    assert.deepEqual(await download(origin, { ...options, immutable: true }), blob);
    assert.equal(asked[1]?.range, "bytes=10000-");
  });

  it("asks for the rest of such a blob without a header that other origins must allow", async (context) => {
    const other = blob.slice().reverse();
    for (const rest of [blob, other]) {
      const { origin, asked } = await serving(context, (request, response, count) =>
        serve(request, response, count === 1 ? blob : rest, { etag: count === 1 || rest === blob ? etag : '"second"', cutAt: count === 1 ? 10_000 : undefined }),
      );
      assert.deepEqual(await download(origin, { ...options, immutable: true }), rest);
      assert.ok(asked.every((headers) => headers["if-range"] === undefined));
    }
  });

  it("begins anew under a weak ETag", async (context) => {
    const { origin, asked } = await serving(context, (request, response, count) =>
      serve(request, response, blob, { etag: 'W/"weak"', cutAt: count === 1 ? 10_000 : undefined }),
    );
    assert.deepEqual(await download(origin, options), blob);
    assert.equal(asked[1]?.range, undefined);
  });

  it("is no good when the server sends another part, another blob or nonsense as the rest", async (context) => {
    for (const wrong of [
      { "content-range": "bytes 9000-59999/60000", etag },
      { "content-range": "bytes 10000-59999/60001", etag },
      { "content-range": "bytes 10000-59999/60000", etag: '"second"' },
      { "content-range": "nonsense", etag },
    ]) {
      const { origin, asked } = await serving(context, (request, response, count) => {
        if (count === 1) return serve(request, response, blob, { etag, cutAt: 10_000 });
        if (count > 2) return serve(request, response, blob, { etag });
        response.writeHead(206, wrong);
        response.end(new Uint8Array(50_000));
      });
      assert.deepEqual(await download(origin, options), blob, JSON.stringify(wrong));
      assert.equal(asked[2]?.range, undefined);
    }
  });

  it("begins anew when the range is refused", async (context) => {
    const { origin } = await serving(context, (request, response, count) => {
      if (count === 2) return response.writeHead(416).end();
      serve(request, response, blob, { etag, cutAt: count === 1 ? 10_000 : undefined });
    });
    assert.deepEqual(await download(origin, options), blob);
  });

  it("is given up after some tries without a byte", async (context) => {
    const { origin, asked } = await serving(context, (request, response) =>
      serve(request, response, blob, { etag, cutAt: 10_000 }),
    );
    await assert.rejects(download(origin, { ...options, retries: 2 }), { code: "blob_unreachable" });
    assert.equal(asked.length, 3);
  });

  it("is given up after many tries with a few bytes each", async (context) => {
    const { origin, asked } = await serving(context, (request, response, count) =>
      serve(request, response, blob, { etag, cutAt: count }),
    );
    await assert.rejects(download(origin, options), { code: "blob_unreachable" });
    assert.ok(asked.length <= 40, `${asked.length} requests`);
  });
});

describe("a server", () => {
  it("that is busy is asked again", async (context) => {
    for (const status of [408, 429, 500, 503]) {
      const { origin } = await serving(context, (request, response, count) =>
        count === 1 ? response.writeHead(status).end("busy") : serve(request, response, blob),
      );
      assert.deepEqual(await download(origin, options), blob, `${status}`);
    }
  });

  it("that refuses is asked once", async (context) => {
    for (const status of [403, 404, 410]) {
      const { origin, asked } = await serving(context, (_, response) => response.writeHead(status).end("no"));
      await assert.rejects(
        download(`${origin}/blob?token=hidden`, options),
        (/** @type {any} */ error) =>
          error.code === "blob_refused" && error.detail.status === status && !error.message.includes("hidden"),
      );
      assert.equal(asked.length, 1);
    }
  });

  it("that stands still is left", async (context) => {
    const { origin, asked } = await serving(context, (request, response, count) => {
      if (count === 1) return;
      if (count > 2) return serve(request, response, blob, { etag });
      response.writeHead(200, { "content-length": blob.length, etag });
      response.write(blob.subarray(0, 10_000));
    });
    assert.deepEqual(await download(origin, { ...options, stallTimeout: 100 }), blob);
    assert.equal(asked[2]?.range, "bytes=10000-");
  });

  it("that is not there is told", async () => {
    await assert.rejects(download("http://127.0.0.1:9/", { ...options, retries: 1 }), { code: "blob_unreachable" });
  });

  it("that sends more than is taken is left at once", async (context) => {
    const said = await serving(context, (request, response) => serve(request, response, blob));
    await assert.rejects(download(said.origin, { ...options, maxBytes: 59_999 }), { code: "blob_too_large" });
    assert.equal(said.asked.length, 1);
    const unsaid = await serving(context, (_, response) => {
      response.writeHead(200);
      response.end(blob);
    });
    await assert.rejects(download(unsaid.origin, { ...options, maxBytes: 59_999 }), { code: "blob_too_large" });
    assert.deepEqual(await download(unsaid.origin, { ...options, maxBytes: 60_000 }), blob);
  });

  it("learns nothing that identifies the buyer", async (context) => {
    const { origin, asked } = await serving(context, (request, response) => serve(request, response, blob));
    await download(origin, options);
    for (const name of ["cookie", "authorization", "referer"]) assert.equal(asked[0]?.[name], undefined);
  });
});

describe("the one who waits", () => {
  it("is told how far it is", async (context) => {
    const { origin } = await serving(context, (request, response, count) =>
      serve(request, response, blob, { etag, cutAt: count === 1 ? 10_000 : undefined }),
    );
    /** @type {import("../src/download.js").Progress[]} */
    const told = [];
    await download(origin, { ...options, onProgress: (progress) => told.push(progress) });
    assert.ok(told.every(({ total }) => total === blob.length));
    assert.ok(told.every(({ received }, at) => received >= (told[at - 1]?.received ?? 0)));
    assert.equal(told.at(-1)?.received, blob.length);
  });

  it("can stop it, before and meanwhile", async (context) => {
    const { origin } = await serving(context, (_, response) => {
      response.writeHead(200, { "content-length": blob.length });
      response.write(blob.subarray(0, 10));
    });
    const reason = new Error("enough");
    await assert.rejects(download(origin, { ...options, signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const stopping = { ...options, signal: controller.signal, onProgress: () => controller.abort(reason) };
    await assert.rejects(download(origin, stopping), reason);
  });

  it("can stop it between two tries", async (context) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const { origin } = await serving(context, (_, response) => {
      response.writeHead(503).end();
      setImmediate(() => controller.abort(reason));
    });
    const waiting = { ...options, backoff: 60_000, signal: controller.signal };
    await assert.rejects(download(origin, waiting), reason);
  });

  it("keeps what the progress callback throws", async (context) => {
    const { origin, asked } = await serving(context, (request, response) => serve(request, response, blob));
    const own = new Error("mine");
    await assert.rejects(download(origin, { ...options, onProgress: () => { throw own; } }), own);
    assert.equal(asked.length, 1);
  });
});
