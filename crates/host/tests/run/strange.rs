//! Modules that are not what their manifest says, and bytes that are no module.

use proptest::prelude::*;
use sealpost_envelope::ErrorCode as _;
use sealpost_host::{Imports, Limits, Manifest, Plugin, Value};
use serde_json::json;

use crate::kit::{ALLOCATOR, ECHO, World, echoes, load, manifest, module};

#[test]
fn exports_of_another_type_are_refused_before_anything_runs() {
    let traps = "(func $boom (unreachable)) (start $boom)";
    let cases: [(&[&str], &str); 8] = [
        (&[ALLOCATOR], "plugin_export_missing"),
        (&[ALLOCATOR, r#"(global (export "echo") i32 (i32.const 1))"#], "plugin_export_missing"),
        (
            &[ALLOCATOR, r#"(func (export "echo") (param i32) (result i64) (i64.const 1))"#],
            "plugin_signature",
        ),
        (
            &[ALLOCATOR, r#"(func (export "echo") (param i32 i32) (result i32) (i32.const 1))"#],
            "plugin_signature",
        ),
        (&[ECHO], "plugin_export_missing"),
        (&[ECHO, r#"(memory (export "memory") 1)"#], "plugin_export_missing"),
        (
            &[
                ECHO,
                r#"(memory (export "memory") 1) (func (export "free") (param i32))
                (func (export "malloc") (param i64) (result i32) (i32.const 1))"#,
            ],
            "plugin_export_missing",
        ),
        (
            &[
                ECHO,
                r#"(func (export "free") (param i32)) (func (export "memory"))
                (func (export "malloc") (param i32) (result i32) (i32.const 1))"#,
            ],
            "plugin_export_missing",
        ),
    ];
    for (parts, code) in cases {
        let parts: Vec<&str> = parts.iter().copied().chain([traps]).collect();
        assert_eq!(load(&parts, &echoes("bytes")).unwrap_err().code(), code, "{parts:?}");
    }
}

#[test]
fn imports_that_are_not_of_the_interface_are_refused_before_anything_runs() {
    let asks = manifest(json!({"permissions": ["log", "clock", "random"]}));
    let traps = "(func $boom (unreachable)) (start $boom)";
    for (import, code) in [
        (
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
            "plugin_import",
        ),
        (r#"(import "env" "memory" (memory 1))"#, "plugin_import"),
        (r#"(import "sealpost" "open" (func (param i32)))"#, "plugin_import"),
        (r#"(import "sealpost" "log" (func (param i32)))"#, "plugin_link"),
        (r#"(import "sealpost" "log" (global i32))"#, "plugin_link"),
        (r#"(import "sealpost" "clock_ms" (func (result i64)))"#, "plugin_link"),
        (r#"(import "sealpost" "random" (memory 1))"#, "plugin_link"),
    ] {
        assert_eq!(load(&[import, traps], &asks).unwrap_err().code(), code, "{import}");
    }
}

#[test]
fn a_start_function_that_traps_is_told_as_such() {
    let error = load(&["(func $boom (unreachable)) (start $boom)"], &Manifest::default()).unwrap_err();
    assert_eq!(error.code(), "plugin_trap");
}

#[test]
fn host_functions_called_from_start_find_the_memory() {
    let logs = r#"(import "sealpost" "log" (func $log (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 0) "up")
        (func $start (call $log (i32.const 0) (i32.const 2))) (start $start)"#;
    let plugin = load(&[logs], &manifest(json!({"permissions": ["log"]}))).unwrap();
    assert_eq!(plugin.environment().lines, ["up"]);
}

#[test]
fn a_place_outside_of_memory_is_a_trap_for_the_caller() {
    let calls = r#"(import "sealpost" "log" (func $log (param i32 i32)))
        (memory (export "memory") 1)
        (func (export "say") (param i32 i32) (call $log (local.get 0) (local.get 1)))"#;
    let asks = manifest(json!({"permissions": ["log"]}));
    for (pointer, length) in [(65_536, 1), (-1, 1), (0, -1), (-1, -1), (65_535, 2)] {
        let mut plugin = load(&[calls], &asks).unwrap();
        let error = plugin.call("say", &[Value::I32(pointer), Value::I32(length)]).unwrap_err();
        assert_eq!(error.code(), "plugin_trap", "{pointer} {length}");
    }
    let without_memory = r#"(import "sealpost" "log" (func $log (param i32 i32)))
        (func (export "say") (call $log (i32.const 0) (i32.const 0)))"#;
    let mut plugin = load(&[without_memory], &asks).unwrap();
    assert_eq!(plugin.call("say", &[]).unwrap_err().code(), "plugin_trap");
}

/// Found by fuzzing: wasmi's translation alone trips over one of its debug assertions.
#[test]
fn an_instruction_after_the_end_of_a_function_is_refused() {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    // One type without parameters, one function of it, and its body: no locals, nop, end, and an instruction more.
    wasm.extend([1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 7, 1, 5, 0, 0x01, 0x0b, 0x41, 0]);
    let load =
        Plugin::load(&wasm, &Manifest::default(), &Limits::default(), &Imports::none(), World::default());
    assert_eq!(load.unwrap_err().code(), "plugin_invalid");
}

#[test]
fn results_that_are_more_than_a_number_are_refused() {
    let pair = r#"(func (export "pair") (result i32 i32) (i32.const 1) (i32.const 2))
        (func (export "ref") (result funcref) (ref.null func))
        (func (export "takes") (param externref))"#;
    let mut plugin = load(&[pair], &Manifest::default()).unwrap();
    assert_eq!(plugin.call("pair", &[]).unwrap_err().code(), "plugin_result");
    assert_eq!(plugin.call("ref", &[]).unwrap_err().code(), "plugin_result");
    assert_eq!(plugin.call("takes", &[Value::I32(0)]).unwrap_err().code(), "plugin_argument");
}

fn quiet(wasm: &[u8], manifest: &Manifest) -> Option<Plugin<World>> {
    let limits = Limits { fuel: 1_000_000, memory_bytes: 1 << 20, ..Limits::default() };
    Plugin::load(wasm, manifest, &limits, &Imports::none(), World::default()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn bytes_that_are_no_module_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(quiet(&bytes, &Manifest::default()).is_none());
    }

    #[test]
    fn a_damaged_module_is_refused_or_runs_within_its_limits(at in 8_usize..300, bit in 0_u32..8) {
        let mut wasm = module(&[ALLOCATOR, ECHO]);
        let at = at % wasm.len();
        wasm[at] ^= 1 << bit;
        if let Some(mut plugin) = quiet(&wasm, &echoes("bytes")) {
            let _answer = plugin.call("echo", &[Value::Bytes(vec![1, 2, 3])]);
        }
    }
}
