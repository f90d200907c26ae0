//! What a plugin sees of the world.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use rand_core::TryRng as _;
use sealpost_host::{Environment, Unavailable};

use crate::output::{clean, say};

/// The system's clocks and randomness; the log goes to standard error.
pub(super) struct Outside(Instant);

impl Outside {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Environment for Outside {
    fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }

    fn log(&mut self, line: &str) {
        say!("plugin: {}", clean(line));
    }

    fn clock_ms(&mut self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0).floor()
    }

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Unavailable> {
        SysRng.try_fill_bytes(bytes).map_err(|_| Unavailable)
    }
}
