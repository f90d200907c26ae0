//! The plugin interface, ABI 1.

use sealpost_envelope::ErrorCode as _;
use sealpost_host::{HostError, Limits, Manifest, Permission, Value};
use serde_json::json;

use crate::kit::{ALLOCATOR, ECHO, World, echoes, freed, load, load_allowing, load_with, manifest};

#[test]
fn bytes_text_and_json_travel_both_ways_and_all_memory_is_given_back() {
    let values = [
        ("bytes", Value::Bytes(vec![0, 255, 3])),
        ("bytes", Value::Bytes(Vec::new())),
        ("text", Value::Text("Prüfe é漢".into())),
        ("json", Value::Json(json!({"a": [1, 2.5, null, "x"]}))),
    ];
    for (kind, value) in values {
        let mut plugin = load(&[ALLOCATOR, ECHO], &echoes(kind)).unwrap();
        assert_eq!(plugin.call("echo", std::slice::from_ref(&value)).unwrap(), value, "{kind}");
        // The result, which here lies where the argument does, and the argument.
        assert_eq!(freed(&mut plugin), Value::I32(2), "{kind}");
    }
}

#[test]
fn numbers_travel_as_they_are() {
    let module = r#"
        (func (export "i32") (param i32) (result i32) (local.get 0))
        (func (export "i64") (param i64) (result i64) (local.get 0))
        (func (export "f32") (param f32) (result f32) (local.get 0))
        (func (export "f64") (param f64) (result f64) (local.get 0))
        (func (export "nothing"))"#;
    let one = |kind: &str| json!({"params": [kind], "result": kind});
    let said = manifest(json!({"functions": {
        "i32": one("i32"), "i64": one("i64"), "f32": one("f32"), "f64": one("f64"), "nothing": {"result": "none"},
    }}));
    for manifest in [said, Manifest::default()] {
        let mut plugin = load(&[module], &manifest).unwrap();
        for (name, value) in [
            ("i32", Value::I32(-1)),
            ("i64", Value::I64(i64::MIN)),
            ("f32", Value::F32(1.5)),
            ("f64", Value::F64(-0.1)),
        ] {
            assert_eq!(plugin.call(name, std::slice::from_ref(&value)).unwrap(), value);
        }
        assert_eq!(plugin.call("nothing", &[]).unwrap(), Value::None);
    }
}

#[test]
fn zero_is_a_failure_and_the_plugin_says_why() {
    let fails = r#"
        (data (i32.const 16) "the file is no G-code")
        (func (export "echo") (param i32 i32) (result i64) (i64.const 0))"#;
    let why = r#"(func (export "last_error") (result i64) (i64.const 0x1000000015))"#;
    let mut plugin = load(&[ALLOCATOR, fails, why], &echoes("bytes")).unwrap();
    let error = plugin.call("echo", &[Value::Bytes(vec![1])]).unwrap_err();
    let text = Some("the file is no G-code".to_owned());
    assert_eq!(error, HostError::Failed { name: "echo".into(), text });
    assert_eq!(error.code(), "plugin_failed");
    // The argument and the text; and the plugin goes on.
    assert_eq!(freed(&mut plugin), Value::I32(2));

    let mut silent = load(&[ALLOCATOR, fails], &echoes("bytes")).unwrap();
    let error = silent.call("echo", &[Value::Bytes(vec![1])]).unwrap_err();
    assert_eq!(error, HostError::Failed { name: "echo".into(), text: None });
}

#[test]
fn arguments_that_do_not_fit_never_reach_the_plugin() {
    let mut plugin = load(&[ALLOCATOR, ECHO], &echoes("bytes")).unwrap();
    for arguments in [vec![], vec![Value::Text("x".into())], vec![Value::None], vec![Value::Bytes(vec![]); 2]]
    {
        assert_eq!(plugin.call("echo", &arguments).unwrap_err().code(), "plugin_argument", "{arguments:?}");
    }
    assert_eq!(freed(&mut plugin), Value::I32(0));
    assert_eq!(plugin.call("free", &[Value::I64(1)]).unwrap_err().code(), "plugin_argument");
    for name in ["", "ech", "memory", "freed"] {
        assert_eq!(plugin.call(name, &[]).unwrap_err().code(), "plugin_no_function", "{name}");
    }
}

const CALLS_HOST: &str = r#"
    (import "sealpost" "log" (func $log (param i32 i32)))
    (import "sealpost" "clock_ms" (func $clock (result f64)))
    (import "sealpost" "random" (func $random (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "hello")
    (func (export "say") (param i32 i32) (call $log (local.get 0) (local.get 1)))
    (func (export "time") (result f64) (call $clock))
    (func (export "draw") (param i32 i32) (result i32)
        (call $random (local.get 0) (local.get 1))
        (i32.load8_u (local.get 0)))"#;

fn asks_for_all() -> Manifest {
    manifest(json!({"permissions": ["log", "clock", "random", "something-later"]}))
}

#[test]
fn host_functions_serve_what_was_asked_for_and_allowed() {
    let mut plugin = load(&[CALLS_HOST], &asks_for_all()).unwrap();
    plugin.call("say", &[Value::I32(8), Value::I32(5)]).unwrap();
    assert_eq!(plugin.environment().lines, ["hello"]);
    assert_eq!(plugin.call("time", &[]).unwrap(), Value::F64(1_790_000_000_000.0));
    assert_eq!(plugin.call("draw", &[Value::I32(100), Value::I32(4)]).unwrap(), Value::I32(7));
}

#[test]
fn a_permission_needs_both_the_manifest_and_the_caller() {
    let error = load(&[CALLS_HOST], &Manifest::default()).unwrap_err();
    assert_eq!(error.code(), "plugin_permission_not_asked");
    let some = [Permission::Log, Permission::Clock];
    let error = load_allowing(&[CALLS_HOST], &asks_for_all(), &some).unwrap_err();
    assert_eq!(error, HostError::Permission { permission: "random" });
}

#[test]
fn a_host_that_cannot_serve_ends_the_call() {
    let world = World { no_randomness: true, ..World::default() };
    let mut plugin = load_with(&[CALLS_HOST], &asks_for_all(), &Limits::default(), world).unwrap();
    let error = plugin.call("draw", &[Value::I32(100), Value::I32(4)]).unwrap_err();
    assert_eq!(error.code(), "plugin_trap");
    assert_eq!(plugin.call("time", &[]).unwrap_err(), HostError::Trapped);
}

#[test]
fn manifests_that_cannot_be_understood_are_refused() {
    let refused =
        |json: serde_json::Value| Manifest::from_json(json.as_object().unwrap()).unwrap_err().code();
    for abi in [json!(2), json!("1"), json!(null), json!(1.5)] {
        assert_eq!(refused(json!({"abi": abi})), "plugin_abi");
    }
    for wrong in [
        json!({"functions": []}),
        json!({"functions": {"f": {"params": ["string"]}}}),
        json!({"functions": {"f": {"params": ["none"]}}}),
        json!({"functions": {"f": {"result": "void"}}}),
        json!({"functions": {"f": 1}}),
        json!({"permissions": "log"}),
        json!({"memory": {"maxPages": -1}}),
        json!({"memory": {"maxPages": 1e12}}),
    ] {
        assert_eq!(refused(wrong.clone()), "plugin_manifest", "{wrong}");
    }
    assert!(Manifest::from_json(json!({"abi": 1.0, "name": 3}).as_object().unwrap()).is_ok());
}

#[test]
fn a_function_reads_as_its_manifest_has_it() {
    let said = manifest(json!({"functions": {"f": {"params": ["bytes", "i32"], "result": "json"}, "g": {}}}));
    let shown: Vec<_> = said.functions.values().map(ToString::to_string).collect();
    assert_eq!(shown, ["(bytes, i32) -> json", "() -> none"]);
}
