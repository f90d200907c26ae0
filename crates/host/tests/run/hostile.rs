//! Plugins that want too much.

use std::time::Duration;

use sealpost_envelope::ErrorCode as _;
use sealpost_host::{HostError, Limits, Manifest, Plugin, Value};
use serde_json::json;

use crate::kit::{ALLOCATOR, ECHO, World, echoes, load, load_with, manifest};

const LOOP: &str = r#"(func $loop (export "loop") (loop (br 0)))"#;

fn small() -> Limits {
    Limits { memory_bytes: 1 << 20, table_entries: 100, fuel: 100_000_000, ..Limits::default() }
}

fn load_small(parts: &[&str]) -> Result<Plugin<World>, HostError> {
    load_with(parts, &Manifest::default(), &small(), World::default())
}

#[test]
fn an_endless_loop_ends_at_its_time() {
    let limits = Limits { fuel: u64::MAX, time: Duration::from_secs(10), ..Limits::default() };
    let world = World { tick: Duration::from_secs(1), ..World::default() };
    let mut plugin = load_with(&[LOOP], &Manifest::default(), &limits, world).unwrap();
    assert_eq!(plugin.call("loop", &[]).unwrap_err(), HostError::Timeout { seconds: 10 });
    assert_eq!(plugin.call("loop", &[]).unwrap_err(), HostError::Trapped);
}

#[test]
fn an_endless_loop_ends_with_its_fuel_when_time_stands_still() {
    let mut plugin = load_small(&[LOOP]).unwrap();
    assert_eq!(plugin.call("loop", &[]).unwrap_err(), HostError::OutOfFuel { fuel: 100_000_000 });
}

#[test]
fn an_endless_loop_in_start_ends() {
    let limits = Limits { fuel: u64::MAX, ..Limits::default() };
    let error =
        load_with(&[LOOP, "(start $loop)"], &Manifest::default(), &limits, World::default()).unwrap_err();
    assert_eq!(error.code(), "plugin_out_of_fuel");
}

#[test]
fn a_long_call_goes_on_over_many_slices_and_gives_the_right_result() {
    let sum = r#"(func (export "sum") (param $n i64) (result i64) (local $s i64)
        (loop $more
            (local.set $s (i64.add (local.get $s) (local.get $n)))
            (local.set $n (i64.sub (local.get $n) (i64.const 1)))
            (br_if $more (i64.ne (local.get $n) (i64.const 0))))
        (local.get $s))"#;
    let world = World { tick: Duration::from_millis(1), ..World::default() };
    let mut plugin = load_with(&[sum], &Manifest::default(), &Limits::default(), world).unwrap();
    let n = 3_000_000;
    assert_eq!(plugin.call("sum", &[Value::I64(n)]).unwrap(), Value::I64(n * (n + 1) / 2));
    // The clock was looked at on the way, which it is at the end of a slice.
    assert!(plugin.environment().now.get() > Duration::from_millis(4));
}

#[test]
fn memory_never_grows_past_its_limit() {
    let grows = r#"(memory (export "memory") 1)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "size") (result i32) (memory.size))"#;
    let mut plugin = load_small(&[grows]).unwrap();
    assert_eq!(plugin.call("grow", &[Value::I32(15)]).unwrap(), Value::I32(1));
    for more in [1, 100, 65_535, -1] {
        assert_eq!(plugin.call("grow", &[Value::I32(more)]).unwrap(), Value::I32(-1));
    }
    assert_eq!(plugin.call("size", &[]).unwrap(), Value::I32(16));

    let pages = manifest(json!({"memory": {"maxPages": 2}}));
    let mut plugin = load(&[grows], &pages).unwrap();
    assert_eq!(plugin.call("grow", &[Value::I32(1)]).unwrap(), Value::I32(1));
    assert_eq!(plugin.call("grow", &[Value::I32(1)]).unwrap(), Value::I32(-1));
}

#[test]
fn memory_never_grows_past_its_limit_in_start() {
    let grows = r#"(memory (export "memory") 1)
        (func $grow (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))
        (start $grow)
        (func (export "size") (result i32) (memory.size))"#;
    let mut plugin = load_small(&[grows]).unwrap();
    assert_eq!(plugin.call("size", &[]).unwrap(), Value::I32(16));
}

#[test]
fn what_is_too_large_from_the_start_is_refused() {
    for wish in [
        "(memory 17)",
        "(memory 65536)",
        "(table 101 funcref)",
        "(table 4294967295 funcref)",
        "(table 0 200 funcref) (func (export \"f\") (drop (table.grow 0 (ref.null func) (i32.const 101))) (unreachable))",
    ] {
        match load_small(&[wish]) {
            Err(error) => assert_eq!(error.code(), "plugin_memory_limit", "{wish}"),
            Ok(mut plugin) => assert_eq!(plugin.call("f", &[]).unwrap_err().code(), "plugin_trap", "{wish}"),
        }
    }
    let tables = "(table 1 funcref)".repeat(17);
    assert_eq!(load_small(&[&tables]).unwrap_err().code(), "plugin_memory_limit");
    assert_eq!(load_small(&["(memory 1) (memory 1)"]).unwrap_err().code(), "plugin_invalid");

    let limits = Limits { module_bytes: 7, ..Limits::default() };
    let error = load_with(&[], &Manifest::default(), &limits, World::default()).unwrap_err();
    assert_eq!(error, HostError::TooLarge { bytes: 8, limit: 7 });
}

#[test]
fn a_table_does_not_grow_past_its_limit() {
    let grows = r#"(table 0 funcref)
        (func (export "grow") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0)))"#;
    let mut plugin = load_small(&[grows]).unwrap();
    assert_eq!(plugin.call("grow", &[Value::I32(100)]).unwrap(), Value::I32(0));
    assert_eq!(plugin.call("grow", &[Value::I32(1)]).unwrap(), Value::I32(-1));
    assert_eq!(plugin.call("grow", &[Value::I32(-1)]).unwrap(), Value::I32(-1));
}

#[test]
fn a_data_segment_outside_of_memory_is_a_trap() {
    let data = "x".repeat(70_000);
    let error = load_small(&[&format!("(memory 1) (data (i32.const 0) \"{data}\")")]).unwrap_err();
    assert_eq!(error.code(), "plugin_trap");
}

#[test]
fn deep_recursion_is_a_trap() {
    let recursion = r#"
        (func $deep (export "deep") (param i64) (result i64)
            (i64.add (call $deep (local.get 0)) (i64.const 1)))
        (func $a (export "a") (call $b)) (func $b (call $a))"#;
    for name in ["deep", "a"] {
        let mut plugin = load_small(&[recursion]).unwrap();
        let arguments: &[Value] = if name == "deep" { &[Value::I64(1)] } else { &[] };
        let error = plugin.call(name, arguments).unwrap_err();
        assert_eq!(error.code(), "plugin_trap", "{error}");
    }
}

#[test]
fn copying_much_at_once_costs_what_copying_little_does() {
    let fills = r#"(memory 16) (func (export "fill")
        (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000)) (br 0)))"#;
    let world = World { tick: Duration::from_secs(1), ..World::default() };
    let limits = Limits { fuel: u64::MAX, ..small() };
    let mut plugin = load_with(&[fills], &Manifest::default(), &limits, world).unwrap();
    // The time is over after a few slices; each is a few hundred fills and not millions.
    assert_eq!(plugin.call("fill", &[]).unwrap_err().code(), "plugin_timeout");
}

#[test]
fn what_the_host_does_for_a_plugin_is_work_too() {
    let draws = r#"(import "sealpost" "random" (func $random (param i32 i32)))
        (import "sealpost" "log" (func $log (param i32 i32)))
        (memory (export "memory") 16)
        (func (export "draw") (loop (call $random (i32.const 0) (i32.const 0x100000)) (br 0)))
        (func (export "talk") (loop (call $log (i32.const 0) (i32.const 0x4000)) (br 0)))"#;
    let asks = manifest(json!({"permissions": ["random", "log"]}));
    for (name, most) in [("draw", 0), ("talk", 10_000)] {
        let mut plugin = load_with(&[draws], &asks, &small(), World::default()).unwrap();
        assert_eq!(plugin.call(name, &[]).unwrap_err().code(), "plugin_out_of_fuel");
        assert!(plugin.environment().lines.len() <= most);
    }
}

#[test]
fn a_result_outside_of_memory_is_refused() {
    for packed in ["0x0000ffff00000002", "0xffffffffffffffff", "0x00000000_00010001", "0x7fffffff80000000"] {
        let gives = format!("(func (export \"echo\") (param i32 i32) (result i64) (i64.const {packed}))");
        let mut plugin = load(&[ALLOCATOR, &gives], &echoes("bytes")).unwrap();
        let error = plugin.call("echo", &[Value::Bytes(vec![1])]).unwrap_err();
        assert_eq!(error.code(), "plugin_result", "{packed}");
    }
}

#[test]
fn a_result_that_is_not_what_it_is_called_is_refused() {
    for (kind, bytes) in [("text", "\\ff\\fe"), ("json", "{\\22a\\22"), ("json", "\\ff")] {
        let gives = format!(
            "(data (i32.const 8) \"{bytes}\") (func (export \"echo\") (param i32 i32) (result i64) \
             (i64.or (i64.shl (i64.const 8) (i64.const 32)) (i64.const {})))",
            wat_len(bytes)
        );
        let mut plugin = load(&[ALLOCATOR, &gives], &echoes(kind)).unwrap();
        let value = if kind == "text" { Value::Text(String::new()) } else { Value::Json(json!(null)) };
        assert_eq!(plugin.call("echo", &[value]).unwrap_err().code(), "plugin_result", "{kind} {bytes}");
    }
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let gives = format!(
        "(data (i32.const 8) \"{deep}\") (func (export \"echo\") (param i32 i32) (result i64) \
         (i64.or (i64.shl (i64.const 8) (i64.const 32)) (i64.const 20000)))"
    );
    let mut plugin = load(&[ALLOCATOR, &gives], &echoes("json")).unwrap();
    assert_eq!(plugin.call("echo", &[Value::Json(json!(1))]).unwrap_err().code(), "plugin_result");
}

#[test]
fn an_allocator_that_gives_nonsense_harms_nobody() {
    for (malloc, code) in [
        ("(i32.const 0)", "plugin_out_of_memory"),
        ("(i32.const -1)", "plugin_out_of_memory"),
        ("(i32.const 65535)", "plugin_out_of_memory"),
        ("(unreachable)", "plugin_trap"),
        ("(loop (br 0)) (i32.const 1)", "plugin_out_of_fuel"),
    ] {
        let allocator = format!(
            "(memory (export \"memory\") 1) (func (export \"malloc\") (param i32) (result i32) {malloc}) \
             (func (export \"free\") (param i32))"
        );
        let mut plugin =
            load_with(&[&allocator, ECHO], &echoes("bytes"), &small(), World::default()).unwrap();
        let error = plugin.call("echo", &[Value::Bytes(vec![1; 100])]).unwrap_err();
        assert_eq!(error.code(), code, "{malloc}");
    }
}

#[test]
fn free_that_traps_spoils_the_call() {
    let allocator = r#"(memory (export "memory") 1)
        (func (export "malloc") (param i32) (result i32) (i32.const 64))
        (func (export "free") (param i32) (unreachable))"#;
    let mut plugin = load(&[allocator, ECHO], &echoes("bytes")).unwrap();
    assert_eq!(plugin.call("echo", &[Value::Bytes(vec![1])]).unwrap_err().code(), "plugin_trap");
    assert_eq!(plugin.call("echo", &[Value::Bytes(vec![1])]).unwrap_err().code(), "plugin_trapped");
}

fn wat_len(text: &str) -> usize {
    wat::parse_str(format!("(module (memory 1) (data (i32.const 0) \"{text}\"))")).unwrap().len()
        - wat::parse_str("(module (memory 1) (data (i32.const 0) \"\"))").unwrap().len()
}
