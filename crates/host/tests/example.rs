//! The example plugin in the native host. `cargo xtask test plugin` builds it and says where it lies.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use sealpost_host::{Environment, HostError, Imports, Limits, Manifest, Plugin, Unavailable, Value};

const MANIFEST: &str = include_str!("../../../plugins/gcode-insight/manifest.json");
const PART: &[u8] = include_bytes!("../../../tests/parts/seal-post.gcode");

struct Outside(Instant);

impl Environment for Outside {
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

fn plugin() -> Plugin<Outside> {
    let path = std::env::var_os("SEALPOST_PLUGIN").expect("SEALPOST_PLUGIN names the built plugin");
    let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap();
    let manifest = Manifest::from_json(manifest.as_object().unwrap()).unwrap();
    // An interpreter that is not optimised, on a busy machine, is in no hurry.
    let limits = Limits { time: Duration::from_secs(600), ..Limits::default() };
    let outside = Outside(Instant::now());
    Plugin::load(&std::fs::read(path).unwrap(), &manifest, &limits, &Imports::none(), outside).unwrap()
}

#[test]
#[ignore = "needs the plugin built for WebAssembly: cargo xtask test plugin"]
fn it_tells_the_figures_of_a_part() {
    let mut plugin = plugin();
    let Value::Json(stats) = plugin.call("stats", &[Value::Bytes(PART.to_vec())]).unwrap() else {
        panic!("no JSON")
    };
    assert_eq!(stats["layers"]["count"], 21);
    assert_eq!(stats["slicer"], "PrusaSlicer 2.5.0");
    assert_eq!(stats["filament"][0]["material"], "PLA");
}

#[test]
#[ignore = "needs the plugin built for WebAssembly: cargo xtask test plugin"]
fn it_draws_a_part() {
    let mut plugin = plugin();
    let picture = plugin.call("preview", &[Value::Bytes(PART.to_vec()), Value::I32(96), Value::I32(64)]);
    let Ok(Value::Bytes(picture)) = picture else { panic!("no picture: {picture:?}") };
    assert_eq!(picture.len(), 96 * 64 * 4);
    assert_eq!(picture[(32 * 96 + 48) * 4 + 3], 255);
}

#[test]
#[ignore = "needs the plugin built for WebAssembly: cargo xtask test plugin"]
fn it_says_what_it_cannot_read_and_goes_on() {
    let mut plugin = plugin();
    let error = plugin.call("stats", &[Value::Bytes(b"\x89PNG\r\n\x1a\n".to_vec())]).unwrap_err();
    let text = Some("this is a PNG picture, not G-code".to_owned());
    assert_eq!(error, HostError::Failed { name: "stats".into(), text });
    let error = plugin.call("preview", &[Value::Bytes(PART.to_vec()), Value::I32(9999), Value::I32(1)]);
    assert!(matches!(error, Err(HostError::Failed { .. })), "{error:?}");
    // Neither the failures nor what they held on to stay behind.
    for _ in 0..50 {
        plugin.call("stats", &[Value::Bytes(PART.to_vec())]).unwrap();
    }
}
