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
    let fills = r#"(memory 16) (func (export "fill") (param $times i32)
        (loop $more
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000))
            (local.set $times (i32.sub (local.get $times) (i32.const 1)))
            (br_if $more (local.get $times))))"#;
    // A megabyte is 16 384 units, of which there are a hundred million.
    let mut plugin = load_small(&[fills]).unwrap();
    assert_eq!(plugin.call("fill", &[Value::I32(6_000)]).unwrap(), Value::None);
    assert_eq!(plugin.call("fill", &[Value::I32(6_104)]).unwrap_err().code(), "plugin_out_of_fuel");
}

const DRAWS: &str = r#"(import "sealpost" "random" (func $random (param i32 i32)))
    (memory (export "memory") 512)
    (func (export "draw") (param $len i32)
        (loop (call $random (i32.const 0) (local.get $len)) (br 0)))"#;

#[test]
fn all_that_is_drawn_is_paid_for_however_much_at_once() {
    let asks = manifest(json!({"permissions": ["random"]}));
    let limits = Limits { fuel: 100_000_000, ..Limits::default() };
    for (piece, times) in [(0x1_0000, 1_502), (0x10_0000, 95), (0x200_0000, 2)] {
        let mut plugin = load_with(&[DRAWS], &asks, &limits, World::default()).unwrap();
        let error = plugin.call("draw", &[Value::I32(piece)]).unwrap_err();
        assert_eq!(error, HostError::OutOfFuel { fuel: 100_000_000 });
        // What it could not pay for was not drawn, and what it could was.
        assert_eq!(plugin.environment().drawn, times * piece as usize, "{piece}");
    }
}

#[test]
fn the_clock_is_looked_at_after_what_costs_more_than_a_slice() {
    let asks = manifest(json!({"permissions": ["random"]}));
    let world = World { tick: Duration::from_secs(1), ..World::default() };
    let limits = Limits { fuel: u64::MAX, time: Duration::from_secs(10), ..Limits::default() };
    let mut plugin = load_with(&[DRAWS], &asks, &limits, world).unwrap();
    let error = plugin.call("draw", &[Value::I32(0x200_0000)]).unwrap_err();
    assert_eq!(error, HostError::Timeout { seconds: 10 });
    assert_eq!(plugin.environment().drawn, 10 * 0x200_0000);
}

#[test]
fn a_start_function_draws_no_more_than_it_may_work() {
    let draws = r#"(import "sealpost" "random" (func $random (param i32 i32)))
        (memory (export "memory") 1024)
        (func $start (call $random (i32.const 0) (i32.const 0x3000000))) (start $start)"#;
    let asks = manifest(json!({"permissions": ["random"]}));
    // Forty-eight of fifty million units.
    load(&[&draws.replace("0x3000000", "48000000")], &asks).unwrap();
    assert_eq!(load(&[draws], &asks).unwrap_err().code(), "plugin_out_of_fuel");
}

const TALKS: &str = r#"(import "sealpost" "log" (func $log (param i32 i32)))
    (memory (export "memory") 2)
    (func (export "talk") (param $with i32)
        (memory.fill (i32.const 0) (local.get $with) (i32.const 0x4000))
        (loop (call $log (i32.const 0) (i32.const 0x4000)) (br 0)))
    (func (export "say") (param $len i32) (call $log (i32.const 0x10000) (local.get $len)))"#;

#[test]
fn each_line_of_a_log_is_work() {
    let asks = manifest(json!({"permissions": ["log"]}));
    let mut plugin = load_with(&[TALKS], &asks, &small(), World::default()).unwrap();
    let error = plugin.call("talk", &[Value::I32(b'\n'.into())]).unwrap_err();
    assert_eq!(error.code(), "plugin_out_of_fuel");
    // A thousand units each.
    let lines: usize = plugin.environment().lines.iter().map(|text| text.lines().count().max(1)).sum();
    assert!((90_000..=100_000).contains(&lines), "{lines}");
}

#[test]
fn the_clock_is_looked_at_before_each_line_of_a_log() {
    let asks = manifest(json!({"permissions": ["log"]}));
    let world = World { tick: Duration::from_secs(1), ..World::default() };
    let mut plugin = load_with(&[TALKS], &asks, &Limits::default(), world).unwrap();
    let error = plugin.call("talk", &[Value::I32(b'\n'.into())]).unwrap_err();
    assert_eq!(error, HostError::Timeout { seconds: 10 });
    let lines: usize = plugin.environment().lines.iter().map(|text| text.lines().count().max(1)).sum();
    assert!(lines < 10, "{lines}");
}

#[test]
fn a_call_that_logs_without_end_is_shown_to_its_first_mebibyte() {
    let asks = manifest(json!({"permissions": ["log"]}));
    let mut plugin = load_with(&[TALKS], &asks, &small(), World::default()).unwrap();
    assert_eq!(plugin.call("talk", &[Value::I32(b'x'.into())]).unwrap_err().code(), "plugin_out_of_fuel");
    let lines = &plugin.environment().lines;
    assert_eq!(lines.len(), 64, "63 of 16 KiB, with their ends, and that there is more");
    assert_eq!(lines.last().unwrap(), "(the rest of what this call logs is not shown)");
}

#[test]
fn every_call_may_log_anew() {
    let asks = manifest(json!({"permissions": ["log"]}));
    let mut plugin = load_with(&[TALKS], &asks, &Limits::default(), World::default()).unwrap();
    for _ in 0..100 {
        plugin.call("say", &[Value::I32(0x4000)]).unwrap();
    }
    assert!(plugin.environment().lines.iter().all(|line| line.len() == 0x4000));
    assert_eq!(plugin.environment().lines.len(), 100);
}

#[test]
fn json_that_is_too_long_to_be_read_is_refused() {
    let gives = r#"(memory (export "memory") 80)
        (func (export "malloc") (param i32) (result i32) (i32.const 8))
        (func (export "free") (param i32))
        (func (export "give") (param $len i32) (result i64)
            (memory.fill (i32.const 8) (i32.const 0x20) (local.get $len))
            (i32.store8 (i32.const 8) (i32.const 0x37))
            (i64.or (i64.const 0x8_0000_0000) (i64.extend_i32_u (local.get $len))))"#;
    let said = manifest(json!({"functions": {"give": {"params": ["i32"], "result": "json"}}}));
    let mut plugin = load(&[gives], &said).unwrap();
    assert_eq!(plugin.call("give", &[Value::I32(4 << 20)]).unwrap(), Value::Json(json!(7)));
    let error = plugin.call("give", &[Value::I32((4 << 20) + 1)]).unwrap_err();
    assert_eq!(error.code(), "plugin_result");
    // It is still whole: what it gave is its caller's limit, not its fault.
    assert_eq!(plugin.call("give", &[Value::I32(1)]).unwrap(), Value::Json(json!(7)));
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
