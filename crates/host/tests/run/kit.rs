//! Plugins written by hand, and a world that is all made up.

use std::cell::Cell;
use std::time::Duration;

use sealpost_host::{
    Environment, HostError, Imports, Limits, Manifest, Permission, Plugin, Unavailable, Value,
};
use serde_json::json;

/// A clock that goes on by `tick` whenever it is looked at.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: Cell<Duration>,
    pub(crate) tick: Duration,
    pub(crate) lines: Vec<String>,
    /// Bytes of randomness.
    pub(crate) drawn: usize,
    pub(crate) no_randomness: bool,
}

impl Environment for World {
    fn elapsed(&self) -> Duration {
        self.now.set(self.now.get() + self.tick);
        self.now.get()
    }

    fn log(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn clock_ms(&mut self) -> f64 {
        1_790_000_000_000.0
    }

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Unavailable> {
        bytes.fill(7);
        self.drawn += bytes.len();
        if self.no_randomness { Err(Unavailable) } else { Ok(()) }
    }
}

/// An allocator that hands out one piece after the other and counts what was given back in `freed`.
pub(crate) const ALLOCATOR: &str = r#"
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (global $freed (export "freed") (mut i32) (i32.const 0))
    (func (export "malloc") (param $len i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $top))
        (global.set $top (i32.add (global.get $top) (i32.add (local.get $len) (i32.const 8))))
        (local.get $at))
    (func (export "free") (param i32)
        (global.set $freed (i32.add (global.get $freed) (i32.const 1))))
    (func (export "times_freed") (result i32) (global.get $freed))
"#;

/// Gives back the bytes it is given.
pub(crate) const ECHO: &str = r#"
    (func (export "echo") (param $ptr i32) (param $len i32) (result i64)
        (i64.or
            (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
            (i64.extend_i32_u (local.get $len))))
"#;

pub(crate) fn module(parts: &[&str]) -> Vec<u8> {
    wat::parse_str(format!("(module {})", parts.concat())).unwrap()
}

pub(crate) fn manifest(json: serde_json::Value) -> Manifest {
    Manifest::from_json(json.as_object().unwrap()).unwrap()
}

pub(crate) fn echoes(kind: &str) -> Manifest {
    manifest(json!({"functions": {"echo": {"params": [kind], "result": kind}}}))
}

pub(crate) fn load(parts: &[&str], manifest: &Manifest) -> Result<Plugin<World>, HostError> {
    load_with(parts, manifest, &Limits::default(), World::default())
}

pub(crate) fn load_with(
    parts: &[&str],
    manifest: &Manifest,
    limits: &Limits,
    world: World,
) -> Result<Plugin<World>, HostError> {
    Plugin::load(&module(parts), manifest, limits, &Permission::ALL.into_iter().collect(), world)
}

pub(crate) fn load_allowing(
    parts: &[&str],
    manifest: &Manifest,
    allowed: &[Permission],
) -> Result<Plugin<World>, HostError> {
    let imports: Imports = allowed.iter().copied().collect();
    Plugin::load(&module(parts), manifest, &Limits::default(), &imports, World::default())
}

pub(crate) fn freed(plugin: &mut Plugin<World>) -> Value {
    plugin.call("times_freed", &[]).unwrap()
}
