import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { SealpostError } from "../index.js";
import { compile } from "../src/compile.js";
import { Instance } from "../src/plugin.js";
import { exportedSignatures } from "../src/wasm-file.js";
import { assemble, everyType, everyTypeManifest } from "./kit/modules.js";
import { started } from "./kit/start.js";

const code = (/** @type {string} */ expected) => (/** @type {{ code?: string, hint?: string }} */ error) => {
  assert.equal(error.code, expected);
  assert.ok(error.hint, `${expected} has a hint`);
  return true;
};

describe("values", () => {
  it("cross as the manifest declares them", async () => {
    const { call } = await started(everyType, everyTypeManifest);
    assert.equal(call("compute", 21), 42);
    assert.equal(call("half", 5), 2.5);
    assert.deepEqual(call("echo", Uint8Array.of(1, 2, 255)), Uint8Array.of(1, 2, 255));
    assert.deepEqual(call("echo", Uint8Array.of(7, 8).buffer), Uint8Array.of(7, 8));
    assert.deepEqual(call("echo", new Uint8Array(0)), new Uint8Array(0));
    assert.equal(call("text", "Schicht für Schicht ✓"), "Schicht für Schicht ✓");
    assert.deepEqual(call("json", { a: [1, null, "x"] }), { a: [1, null, "x"] });
    assert.deepEqual(call("stats"), { layers: 3 });
    assert.equal(call("nothing", 1), undefined);
  });

  it("are copies, whatever becomes of the plugin's memory", async () => {
    const { call } = await started(everyType, everyTypeManifest);
    const first = call("echo", Uint8Array.of(1, 2, 3));
    const second = call("grow", new Uint8Array(300_000).fill(9));
    call("grow", new Uint8Array(300_000).fill(8));
    assert.deepEqual(first, Uint8Array.of(1, 2, 3));
    assert.equal(second.length, 300_000);
    assert.ok(second.every((/** @type {number} */ byte) => byte === 9));
  });

  it("give back all memory that was lent, when the plugin refuses too", async () => {
    const { call } = await started(everyType, everyTypeManifest);
    call("echo", new Uint8Array(10));
    call("json", [1]);
    assert.throws(() => call("refuse", "x"), code("plugin_failed"));
    assert.equal(call("lent"), 0);
  });

  it("are refused where they do not fit", async () => {
    const { call } = await started(everyType, everyTypeManifest);
    for (const [name, ...args] of [
      ["compute", 1.5],
      ["compute", 2 ** 32],
      ["compute", "1"],
      ["compute", 1n],
      ["compute"],
      ["compute", 1, 2],
      ["half", 1n],
      ["echo", "text"],
      ["echo", [1, 2]],
      ["text", Uint8Array.of(1)],
      ["json", undefined],
      ["json", 1n],
      ["wide", 2 ** 53],
      ["wide", 2n ** 64n],
      ["wide", 0.5],
    ]) {
      assert.throws(() => call(/** @type {string} */ (name), ...args), code("plugin_argument"), `${name} ${args}`);
    }
    assert.equal(call("lent"), 0);
  });

  it("of functions that the manifest does not declare are numbers as they are", async () => {
    const { call } = await started(everyType);
    assert.equal(call("compute", 4_294_967_295), -2);
    assert.equal(call("wide", 41n), 42n);
    assert.equal(call("wide", 41), 42n);
    assert.equal(call("wide", 2n ** 63n - 1n), -(2n ** 63n));
    assert.equal(call("single", 0.1), Math.fround(0.1));
    assert.equal(typeof call("stats"), "bigint");
  });

  it("that are no numbers are passed as they are", async () => {
    const { call } = await started(assemble(`(module (func (export "id") (param externref) (result externref) (local.get 0)))`));
    const anything = { it: "is" };
    assert.equal(call("id", anything), anything);
  });

  it("of a module with types of later proposals are taken as JavaScript takes them", async () => {
    // As if the types were not understood, which nothing that runs everywhere is built with yet.
    const instance = new Instance({ ...(await compile(everyType.slice(), {}, {})), signatures: new Map() });
    await instance.start();
    assert.equal(instance.call("wide", [7n]), 8n);
    assert.throws(() => instance.call("wide", [7]), code("plugin_argument"));
    assert.throws(() => instance.call("wide", ["x"]), code("plugin_argument"));
    assert.equal(instance.call("compute", [1]), 2, "it still runs");
    const structure = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 3, 1, 0x5f, 0];
    assert.equal(exportedSignatures(Uint8Array.from(structure)).size, 0);
  });

  it("that come from outside of the plugin's memory, or are no text, are refused", async () => {
    const { call } = await started(everyType, everyTypeManifest);
    assert.throws(() => call("outside"), code("plugin_result"));
    assert.throws(() => call("not_text"), code("plugin_result"));
  });
});

describe("failures", () => {
  it("of the plugin come with its own words", async () => {
    const { call } = await started(everyType, everyTypeManifest);
    assert.throws(
      () => call("refuse", "x"),
      (/** @type {any} */ error) => error.message === "`refuse`: no such thing" && error.detail.text === "no such thing",
    );
  });

  it("that are traps end the instance, until it is started anew", async () => {
    const { call, instance } = await started(everyType, everyTypeManifest);
    for (const name of ["trap", "deep"]) {
      assert.throws(() => call(name), code("plugin_trap"));
      assert.throws(() => call("compute", 1), code("plugin_trapped"));
      assert.throws(() => instance.exports, code("plugin_trapped"));
      await instance.start();
      assert.equal(call("compute", 1), 2);
    }
  });

  it("of memory are told", async () => {
    const { call } = await started(everyType, everyTypeManifest, { maxPages: 4 });
    assert.throws(() => call("echo", new Uint8Array(400_000)), code("plugin_out_of_memory"));
    assert.deepEqual(call("echo", Uint8Array.of(1)), Uint8Array.of(1));
  });

  it("of what is not there name what is", async () => {
    const { call } = await started(everyType, everyTypeManifest);
    for (const name of ["absent", "memory", "constructor", "__proto__"]) {
      assert.throws(() => call(name), code("plugin_no_function"));
    }
  });

  it("of a plugin that was disposed of are told", async () => {
    const { call, instance } = await started(everyType, everyTypeManifest);
    instance.dispose();
    instance.dispose();
    assert.throws(() => call("compute", 1), code("plugin_disposed"));
    assert.throws(() => instance.exports, code("plugin_disposed"));
    await assert.rejects(instance.start(), code("plugin_disposed"));
  });
});

describe("memory", () => {
  it("cannot grow beyond what is allowed", async () => {
    const grows = assemble(`(module (memory (export "memory") 1)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
    const { call } = await started(grows, {}, { maxPages: 3 });
    assert.equal(call("grow", 2), 1);
    assert.equal(call("grow", 1), -1);
    const declaring = await started(grows, { memory: { maxPages: 2 } }, { maxPages: 3 });
    assert.equal(declaring.call("grow", 2), -1);
    const larger = assemble(`(module (memory (export "memory") 1 100)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))) (data (i32.const 0) "x"))`);
    assert.equal((await started(larger, {}, { maxPages: 3 })).call("grow", 3), -1);
    assert.equal((await started(larger, {}, { maxPages: 300 })).call("grow", 99), 1);
  });

  it("is limited wherever there are sections for tools, and the functions stay what they are", async () => {
    const custom = (/** @type {number} */ size) => [0, size + 2, 1, 0x78, ...new Uint8Array(size).fill(0x61)];
    const plain = assemble(`(module (memory (export "memory") 1) (data (i32.const 0) "x")
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "first") (result i32) (i32.load8_u (i32.const 0))))`);
    const places = sectionEnds(plain);
    for (const place of places) {
      for (const sizes of [[0], [1], [40], [2, 40], [0, 0, 100]]) {
        const tools = sizes.flatMap(custom);
        const wasm = Uint8Array.from([...plain.subarray(0, place), ...tools, ...plain.subarray(place)]);
        assert.ok(WebAssembly.validate(wasm));
        for (const maxPages of [2, 200, 20_000, 65_536]) {
          const { call } = await started(wasm, {}, { maxPages });
          assert.equal(call("first"), 0x78);
          assert.equal(call("grow", 1), 1);
          assert.equal(call("grow", maxPages - 1), -1);
        }
      }
    }
  });

  it("that is too large to begin with is refused", async () => {
    const wasm = assemble(`(module (memory (export "memory") 20))`);
    await assert.rejects(started(wasm, {}, { maxPages: 19 }), code("plugin_memory_limit"));
  });
});

describe("before anything runs", () => {
  it("is refused what is no module", async () => {
    for (const bytes of [[], [0, 1, 2], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 200], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 0x80]]) {
      await assert.rejects(started(Uint8Array.from(bytes)), code("plugin_invalid"));
    }
  });

  it("is refused what every cut of a module is", async () => {
    for (let length = 9; length < everyType.length; length += 7) {
      await assert.rejects(started(everyType.slice(0, length), everyTypeManifest), (/** @type {any} */ error) =>
        /^plugin_/.test(error.code),
      );
    }
  });

  it("is refused, or limited, whatever a changed module is", async () => {
    let random = 1;
    const next = () => (random = (random * 48_271) % 2_147_483_647);
    const seen = new Set();
    for (let round = 0; round < 600; round++) {
      const wasm = everyType.slice();
      for (let flips = 1 + (next() % 3); flips > 0; flips--) wasm[8 + (next() % 200)] = next() % 256;
      const memory = await compile(wasm, {}, { maxPages: 5 }).then(
        ({ module }) => new WebAssembly.Instance(module, {}).exports["memory"],
        (error) => void seen.add(error instanceof SealpostError ? error.code : error),
      ).catch(() => undefined);
      if (!(memory instanceof WebAssembly.Memory)) continue;
      seen.add("limited");
      assert.throws(() => memory.grow(6 - memory.buffer.byteLength / 65_536), RangeError, `round ${round}`);
    }
    for (const found of seen) assert.match(String(found), /^(limited$|plugin_)/);
    assert.ok(seen.has("limited") && seen.has("plugin_invalid"));
  });

  it("is refused a manifest that is not kept", async () => {
    const functions = (/** @type {unknown} */ said) => ({ functions: said });
    for (const [manifest, expected] of /** @type {[any, string][]} */ ([
      [{ abi: 2 }, "plugin_abi"],
      [{ abi: "1" }, "plugin_abi"],
      [functions([]), "plugin_manifest"],
      [functions({ compute: 1 }), "plugin_manifest"],
      [functions({ compute: { params: ["u8"] } }), "plugin_manifest"],
      [functions({ compute: { params: [], result: "string" } }), "plugin_manifest"],
      [functions({ absent: { params: [] } }), "plugin_export_missing"],
      [functions({ memory: { params: [] } }), "plugin_export_missing"],
      [functions({ compute: { params: ["text"], result: "i32" } }), "plugin_signature"],
      [functions({ compute: { params: ["i32"], result: "none" } }), "plugin_signature"],
    ])) {
      await assert.rejects(started(everyType, manifest), code(expected), JSON.stringify(manifest));
    }
    const bare = assemble(`(module (func (export "f") (param i32 i32)))`);
    await assert.rejects(started(bare, functions({ f: { params: ["text"] } })), code("plugin_export_missing"));
  });

  it("its bytes are erased", async () => {
    const wasm = everyType.slice();
    await compile(wasm, everyTypeManifest, { maxPages: 100 });
    assert.ok(wasm.every((byte) => byte === 0));
    const refused = everyType.slice();
    await assert.rejects(compile(refused, { abi: 9 }, {}));
    assert.ok(refused.every((byte) => byte === 0));
  });
});

/**
 * Where a module's sections end, the header's among them.
 *
 * @param {Uint8Array} wasm of short sections
 */
function sectionEnds(wasm) {
  const ends = [8];
  for (let at = 8; at < wasm.length; at = Number(ends.at(-1))) ends.push(at + 2 + Number(wasm[at + 1]));
  return ends;
}
