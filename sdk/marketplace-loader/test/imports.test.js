import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { assemble } from "./kit/modules.js";
import { started } from "./kit/start.js";

const rejects = (/** @type {Promise<unknown>} */ work, /** @type {string} */ code) =>
  assert.rejects(work, (/** @type {any} */ error) => error.code === code && error.hint !== "");

const host = assemble(`(module
  (import "sealpost" "log" (func $log (param i32 i32)))
  (import "sealpost" "clock_ms" (func $clock (result f64)))
  (import "sealpost" "random" (func $random (param i32 i32)))
  (memory (export "memory") 4)
  (data (i32.const 8) "layer 1")
  (func (export "log") (call $log (i32.const 8) (i32.const 7)))
  (func (export "log_outside") (call $log (i32.const -8) (i32.const 100)))
  (func (export "clock") (result f64) (call $clock))
  (func (export "random") (call $random (i32.const 1024) (i32.const 200000))))`);
const asking = { permissions: ["log", "clock", "random"] };
const wanting = assemble(`(module (import "env" "now" (func $now (result i32))) (func (export "now") (result i32) (call $now)))`);
const now = () => 7;

describe("host functions", () => {
  it("are there for a plugin that asks, on a page that allows", async () => {
    /** @type {string[]} */
    const lines = [];
    const { call, instance } = await started(host, asking, {
      permissions: ["log", "clock", "random"],
      log: (line) => lines.push(line),
    });
    call("log");
    assert.deepEqual(lines, ["layer 1"]);
    const before = Date.now();
    assert.ok(call("clock") >= before);
    call("random");
    const { memory } = instance.exports;
    assert.ok(memory instanceof WebAssembly.Memory);
    const drawn = new Uint8Array(memory.buffer, 1024, 200_000);
    for (let at = 0; at < drawn.length; at += 20_000) assert.ok(drawn.subarray(at, at + 32).some((byte) => byte !== 0));
    assert.ok(new Uint8Array(memory.buffer, 1024 + 200_000, 64).every((byte) => byte === 0));
  });

  it("do not reach outside of the plugin's memory", async () => {
    const { call } = await started(host, asking, { permissions: ["log", "clock", "random"], log: () => assert.fail() });
    assert.throws(() => call("log_outside"), { code: "plugin_trap" });
  });

  it("are not there unless both sides say so", async () => {
    await rejects(started(host, asking), "plugin_permission");
    await rejects(started(host, asking, { permissions: ["log", "clock"] }), "plugin_permission");
    await rejects(started(host, {}, { permissions: ["log", "clock", "random"] }), "plugin_permission_not_asked");
    await rejects(started(host, { permissions: "log" }, { permissions: ["log", "clock", "random"] }), "plugin_permission_not_asked");
  });
});

describe("other imports", () => {
  it("are given and allowed by name", async () => {
    const { call } = await started(wanting, {}, { imports: { env: { now } }, allowImports: ["env.now"] });
    assert.equal(call("now"), 7);
  });

  it("are refused when one of both is missing", async () => {
    await rejects(started(wanting), "plugin_import");
    await rejects(started(wanting, {}, { imports: { env: { now } } }), "plugin_import");
    await rejects(started(wanting, {}, { allowImports: ["env.now"] }), "plugin_import_missing");
    await rejects(started(wanting, {}, { allowImports: ["env.now"], imports: { env: {} } }), "plugin_import_missing");
  });

  it("of another kind than the plugin wants are told as such", async () => {
    const imports = { env: { now: /** @type {any} */ (new WebAssembly.Memory({ initial: 1 })) } };
    await rejects(started(wanting, {}, { imports, allowImports: ["env.now"] }), "plugin_link");
  });

  it("are not found on the prototype", async () => {
    const inherited = assemble(`(module (import "env" "toString" (func)))`);
    await rejects(started(inherited, {}, { imports: { env: {} }, allowImports: ["env.toString"] }), "plugin_import_missing");
    const outer = assemble(`(module (import "constructor" "name" (global externref)))`);
    await rejects(started(outer, {}, { imports: {}, allowImports: ["constructor.name"] }), "plugin_import_missing");
    const odd = assemble(`(module (import "__proto__" "f" (func)))`);
    await rejects(started(odd), "plugin_import");
  });

  it("that throw are the caller's own failure", async () => {
    const own = new TypeError("mine");
    const imports = { env: { now: () => { throw own; } } };
    const { call } = await started(wanting, {}, { imports, allowImports: ["env.now"] });
    assert.throws(() => call("now"), own);
    assert.throws(() => call("now"), { code: "plugin_trapped" });
  });
});

describe("a start function", () => {
  it("does not run when an import is refused", async () => {
    let ran = false;
    const wasm = assemble(`(module (import "env" "ran" (func $ran)) (import "sealpost" "log" (func (param i32 i32))) (start $ran))`);
    const options = { imports: { env: { ran: () => void (ran = true) } }, allowImports: ["env.ran"] };
    await rejects(started(wasm, {}, options), "plugin_permission_not_asked");
    assert.equal(ran, false);
  });

  it("that traps is told as such", async () => {
    await rejects(started(assemble(`(module (func $no (unreachable)) (start $no))`)), "plugin_trap");
  });
});
