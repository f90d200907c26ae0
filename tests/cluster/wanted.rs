//! How large a run is: `cargo xtask test cluster [--full] [--printers N] [--stores N] [--jobs N] [--seed N]`.

use std::env;
use std::fmt;

use anyhow::{Context, Result, ensure};

/// What the command line asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) seed: u64,
    pub(crate) printers: usize,
    pub(crate) stores: usize,
    pub(crate) jobs: usize,
}

impl Wanted {
    /// From the environment, which `cargo xtask` fills; a short run where nothing is said.
    pub(crate) fn read() -> Result<Self> {
        let full = number("FULL")?.is_some();
        let or = |name: &str, short: u64, long: u64| -> Result<usize> {
            Ok(usize::try_from(number(name)?.unwrap_or(if full { long } else { short }))?)
        };
        let seed = match number("SEED")? {
            Some(seed) => seed,
            None => getrandom::u64().context("no randomness")? % 1_000_000,
        };
        let wanted = Self {
            seed,
            printers: or("PRINTERS", 6, 20)?,
            stores: or("STORES", 3, 3)?,
            jobs: or("JOBS", 24, 100)?,
        };
        ensure!(wanted.printers > 0 && wanted.stores > 0, "a cluster has printers and stores");
        ensure!(
            wanted.jobs <= wanted.printers * wanted.parts(),
            "every part goes to a printer once: {} printers are too few for {} jobs",
            wanted.printers,
            wanted.jobs
        );
        Ok(wanted)
    }

    /// How many different files are sold. No printer gets one twice, so that what it executed says which job that was.
    pub(crate) fn parts(&self) -> usize {
        10
    }

    /// What one purchase allows: two for each part are fewer than are asked for.
    pub(crate) fn prints(&self) -> u32 {
        u32::try_from(self.jobs * 3 / 10 / self.parts()).unwrap_or(u32::MAX).max(1)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, printers, stores, jobs } = self;
        write!(f, "--printers {printers} --stores {stores} --jobs {jobs} --seed {seed}")
    }
}

fn number(name: &str) -> Result<Option<u64>> {
    let name = format!("SEALPOST_CLUSTER_{name}");
    env::var(&name).ok().map(|text| text.parse().with_context(|| format!("{name}={text}"))).transpose()
}
