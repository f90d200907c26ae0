//! The plugin that is sold: it adds two numbers.

use anyhow::Result;
use serde_json::{Value, json};

/// The module.
pub fn module() -> Result<Vec<u8>> {
    let text = r#"(module
        (memory (export "memory") 1)
        (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#;
    Ok(wat::parse_str(text)?)
}

/// What its publisher says of it.
pub fn manifest() -> Value {
    json!({
        "name": "Adder",
        "version": "1.0.0",
        "permissions": [],
        "functions": {"add": {"params": ["i32", "i32"], "result": "i32"}},
    })
}
