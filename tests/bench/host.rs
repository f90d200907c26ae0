//! What it costs to call a plugin through the native host, beside bare wasmi: no fuel, no clock, no limits, types known.
//!
//! Both take short turns and are counted in processor time, so that what else the machine does hits both.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use sealpost_host::{Environment, Imports, Limits, Manifest, Plugin, Unavailable, Value};
use serde_json::json;
use wasmi::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

use crate::measure::{cpu_seconds, median};
use crate::row::{Better, Row};

const TURNS: usize = 15;
/// Of a turn, seconds of processor time.
const TURN: f64 = 0.1;
const MEGABYTE: usize = 1 << 20;
const LOOPS: i64 = 1_000_000;

const MODULE: &str = r#"(module
    (memory (export "memory") 33)
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "free") (param i32))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "echo") (param i32 i32) (result i64)
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))
    (func (export "sum") (param $n i64) (result i64) (local $s i64)
        (loop $more
            (local.set $s (i64.add (i64.mul (local.get $s) (i64.const 31)) (local.get $n)))
            (local.set $n (i64.sub (local.get $n) (i64.const 1)))
            (br_if $more (i64.ne (local.get $n) (i64.const 0))))
        (local.get $s)))"#;

/// Every row of `host`.
pub(crate) fn run() -> Result<Vec<Row>> {
    let wasm = wat::parse_str(MODULE)?;
    let mut ours = ours(&wasm)?;
    let mut bare = Bare::new(&wasm)?;
    let bytes = vec![7_u8; MEGABYTE];

    let numbers = [Value::I32(2), Value::I32(3)];
    let small = race(
        || Ok(ours.call("add", black_box(&numbers))?),
        || Ok(bare.add.call(&mut bare.store, black_box((2, 3)))?),
    )?;
    let argument = [Value::Bytes(bytes.clone())];
    let large = race(|| Ok(ours.call("echo", black_box(&argument))?), || bare.echo(black_box(&bytes)))?;
    let count = [Value::I64(LOOPS)];
    let work = race(
        || Ok(ours.call("sum", black_box(&count))?),
        || Ok(bare.sum.call(&mut bare.store, black_box(LOOPS))?),
    )?;
    Ok(vec![
        row("call of a plugin with two numbers", small, 5.0),
        row("call of a plugin with 1 MiB in and out", large, 1.2),
        row("a million turns of a loop in a plugin", work, 1.25),
    ])
}

fn row(row: &'static str, (ours, reference): (f64, f64), target: f64) -> Row {
    Row { row, ours, reference, unit: "us", target, better: Better::Less }
}

fn ours(wasm: &[u8]) -> Result<Plugin<Clock>> {
    let manifest = json!({"functions": {
        "add": {"params": ["i32", "i32"], "result": "i32"},
        "echo": {"params": ["bytes"], "result": "bytes"},
        "sum": {"params": ["i64"], "result": "i64"},
    }});
    let manifest = Manifest::from_json(manifest.as_object().ok_or_else(|| anyhow!("no object"))?)?;
    Ok(Plugin::load(wasm, &manifest, &Limits::default(), &Imports::none(), Clock(Instant::now()))?)
}

struct Clock(Instant);

impl Environment for Clock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn log(&mut self, _line: &str) {}

    fn clock_ms(&mut self) -> f64 {
        0.0
    }

    fn random(&mut self, _bytes: &mut [u8]) -> Result<(), Unavailable> {
        Err(Unavailable)
    }
}

struct Bare {
    store: Store<()>,
    memory: Memory,
    malloc: TypedFunc<i32, i32>,
    free: TypedFunc<i32, ()>,
    add: TypedFunc<(i32, i32), i32>,
    echo: TypedFunc<(i32, i32), i64>,
    sum: TypedFunc<i64, i64>,
}

impl Bare {
    fn new(wasm: &[u8]) -> Result<Self> {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm)?;
        let mut store = Store::new(&engine, ());
        let instance: Instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        Ok(Self {
            memory: instance.get_memory(&store, "memory").ok_or_else(|| anyhow!("no memory"))?,
            malloc: instance.get_typed_func(&store, "malloc")?,
            free: instance.get_typed_func(&store, "free")?,
            add: instance.get_typed_func(&store, "add")?,
            echo: instance.get_typed_func(&store, "echo")?,
            sum: instance.get_typed_func(&store, "sum")?,
            store,
        })
    }

    /// What the interface asks of any host: room, a copy in, the call, a copy out, and the room given back.
    fn echo(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let length = i32::try_from(bytes.len())?;
        let at = self.malloc.call(&mut self.store, length)?;
        self.memory.write(&mut self.store, usize::try_from(at)?, bytes)?;
        let packed = self.echo.call(&mut self.store, (at, length))?;
        let (pointer, length) = (usize::try_from(packed >> 32)?, usize::try_from(packed & 0xffff_ffff)?);
        let memory = self.memory.data(&self.store);
        let result = memory.get(pointer..pointer + length).map(<[u8]>::to_vec);
        self.free.call(&mut self.store, at)?;
        self.free.call(&mut self.store, at)?;
        result.ok_or_else(|| anyhow!("outside of memory"))
    }
}

/// Microseconds a call of each takes: the medians of turns.
fn race<A, B>(
    mut ours: impl FnMut() -> Result<A>,
    mut reference: impl FnMut() -> Result<B>,
) -> Result<(f64, f64)> {
    let (mut our_times, mut reference_times) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        our_times.push(time(&mut ours)?);
        reference_times.push(time(&mut reference)?);
    }
    Ok((median(our_times), median(reference_times)))
}

fn time<T>(work: &mut impl FnMut() -> Result<T>) -> Result<f64> {
    let began = cpu_seconds();
    let (mut done, mut batch) = (0.0, 1);
    loop {
        for _ in 0..batch {
            black_box(work()?);
        }
        done += f64::from(batch);
        let taken = cpu_seconds() - began;
        if taken >= TURN {
            return Ok(taken * 1e6 / done);
        }
        // Looking at the clock is not to be what is measured.
        batch = if taken < TURN / 100.0 { batch * 2 } else { batch };
    }
}
