//! A plugin module, loaded and called in the native host.
#![no_main]

use std::{cell::Cell, time::Duration};

use libfuzzer_sys::fuzz_target;
use sealpost_host::{
    Environment, Imports, Limits, Manifest, Permission, Plugin, Unavailable, Value, ValueType,
};

/// Time goes on whenever it is looked at: what takes long ends soon.
struct World(Cell<Duration>);

impl Environment for World {
    fn elapsed(&self) -> Duration {
        self.0.set(self.0.get() + Duration::from_millis(1));
        self.0.get()
    }

    fn log(&mut self, line: &str) {
        assert!(line.len() <= 3 * (16 << 10), "a line that is too long");
    }

    fn clock_ms(&mut self) -> f64 {
        0.0
    }

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Unavailable> {
        bytes.fill(7);
        Ok(())
    }
}

fuzz_target!(|wasm: &[u8]| {
    let limits = Limits {
        memory_bytes: 1 << 20,
        table_entries: 1_000,
        fuel: 1_000_000,
        time: Duration::from_secs(1),
        ..Limits::default()
    };
    let permissions = Permission::ALL.to_vec();
    let imports: Imports = Permission::ALL.into_iter().collect();
    let load = |manifest: &Manifest| {
        Plugin::load(wasm, manifest, &limits, &imports, World(Cell::new(Duration::ZERO))).ok()
    };

    // As numbers, whatever it exports.
    let undeclared = Manifest { permissions, ..Manifest::default() };
    for name in ["malloc", "free", "call", "last_error"] {
        let Some(mut plugin) = load(&undeclared) else { return };
        let Some(function) = plugin.function(name) else { continue };
        let numbers: Vec<Value> = function.params.iter().map(number).collect();
        let answer = plugin.call(name, &numbers);
        assert!(!matches!(answer, Ok(Value::Bytes(_) | Value::Text(_) | Value::Json(_))));
    }

    // By the interface, where it is of its shape.
    for (kind, value) in [
        ("bytes", Value::Bytes(vec![1; 100])),
        ("text", Value::Text("text".into())),
        ("json", Value::Json(7.into())),
    ] {
        let json = serde_json::json!({"permissions": ["log", "clock", "random"],
            "functions": {"call": {"params": [kind], "result": kind}}});
        let Some(manifest) = json.as_object().and_then(|json| Manifest::from_json(json).ok()) else { return };
        let Some(mut plugin) = load(&manifest) else { return };
        for _ in 0..2 {
            if let Ok(answer) = plugin.call("call", std::slice::from_ref(&value)) {
                assert_eq!(answer.value_type(), value.value_type());
            }
        }
    }
});

fn number(kind: &ValueType) -> Value {
    match kind {
        ValueType::I64 => Value::I64(-1),
        ValueType::F32 => Value::F32(1.5),
        ValueType::F64 => Value::F64(-0.0),
        _ => Value::I32(70_000),
    }
}
