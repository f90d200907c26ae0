// Small plugins in WebAssembly text.

import wabt from "wabt";

const tools = await wabt();

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function assemble(text) {
  const module = tools.parseWat("plugin.wat", text, { bulk_memory: true, exceptions: true });
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** Memory, an allocator that counts what it lent and got back, and an error text. */
const COMMON = `
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (global $lent (mut i32) (i32.const 0))
  (func (export "malloc") (param $len i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get $len)) (i32.const 15)) (i32.const -8)))
    (block $enough
      (br_if $enough (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $enough (i32.ne (i32.const -1)
        (memory.grow (i32.add (i32.div_u (local.get $len) (i32.const 65536)) (i32.const 1)))))
      (global.set $next (local.get $at))
      (return (i32.const 0)))
    (global.set $lent (i32.add (global.get $lent) (i32.const 1)))
    (local.get $at))
  (func (export "free") (param i32) (global.set $lent (i32.sub (global.get $lent) (i32.const 1))))
  (func (export "lent") (result i32) (global.get $lent))
  (func $pack (param $ptr i32) (param $len i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32)) (i64.extend_i32_u (local.get $len))))
  (data (i32.const 64) "no such thing")
  (data (i32.const 128) "{\\"layers\\": 3}")
  (data (i32.const 160) "\\ff\\fe")
  (func (export "last_error") (result i64)
    (global.set $lent (i32.add (global.get $lent) (i32.const 1)))
    (call $pack (i32.const 64) (i32.const 13)))`;

/** A plugin that uses every type of the interface. */
export const everyType = assemble(`(module ${COMMON}
  (func (export "compute") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "wide") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1)))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "single") (param f32) (result f32) (local.get 0))
  (func $echo (param $ptr i32) (param $len i32) (result i64)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get $len)) (i32.const 15)) (i32.const -8)))
    (global.set $lent (i32.add (global.get $lent) (i32.const 1)))
    (memory.copy (local.get $at) (local.get $ptr) (local.get $len))
    (call $pack (local.get $at) (local.get $len)))
  (export "echo" (func $echo)) (export "text" (func $echo)) (export "json" (func $echo))
  (func (export "grow") (param $ptr i32) (param $len i32) (result i64)
    (drop (memory.grow (i32.const 5)))
    (call $echo (local.get $ptr) (local.get $len)))
  (func (export "refuse") (param i32 i32) (result i64) (i64.const 0))
  (func (export "stats") (result i64)
    (global.set $lent (i32.add (global.get $lent) (i32.const 1)))
    (call $pack (i32.const 128) (i32.const 13)))
  (func (export "outside") (result i64) (call $pack (i32.const 100) (i32.const 2000000000)))
  (func (export "not_text") (result i64) (call $pack (i32.const 160) (i32.const 2)))
  (func (export "nothing") (param i32))
  (func (export "trap") (unreachable))
  (func $deep (export "deep") (call $deep)))`);

/** @type {Record<string, unknown>} */
export const everyTypeManifest = {
  name: "Every type",
  version: "1.0.0",
  type: "Analysis",
  abi: 1,
  functions: {
    compute: { params: ["i32"], result: "i32" },
    half: { params: ["f64"], result: "f64" },
    echo: { params: ["bytes"], result: "bytes" },
    text: { params: ["text"], result: "text" },
    json: { params: ["json"], result: "json" },
    grow: { params: ["bytes"], result: "bytes" },
    refuse: { params: ["text"], result: "bytes" },
    stats: { params: [], result: "json" },
    outside: { params: [], result: "bytes" },
    not_text: { params: [], result: "text" },
    nothing: { params: ["i32"], result: "none" },
  },
};
