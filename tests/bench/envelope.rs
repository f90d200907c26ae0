//! Content keys wrapped and content sealed, in the server build, each beside the fastest library kept for it.
//!
//! Ours and the reference take short turns on one processor and are counted in processor time, so that what else the
//! machine does hits both.

mod content;
mod library;
mod wraps;

use std::hint::black_box;
use std::io::{self, Write};

use anyhow::{Result, bail};

use crate::measure::{self, cpu_seconds, median};
use crate::row::Row;

/// First argument of a process that does a part of this.
pub(crate) const CHILD: &str = "envelope";

/// Every row of `envelope`.
pub(crate) fn run() -> Result<Vec<Row>> {
    let mut rows = wraps::rows()?;
    rows.extend(content::rows()?);
    Ok(rows)
}

/// One part in a process of its own, on one processor.
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    measure::pin(i32::try_from(std::process::id())?, 1)?;
    let figures = match arguments {
        [part] if part == wraps::CHILD => wraps::child()?,
        [part, cipher] if part == content::CHILD => content::child(cipher)?,
        _ => bail!("there is no such part of `envelope`: {arguments:?}"),
    };
    io::stdout().write_all(figures.to_string().as_bytes())?;
    Ok(())
}

/// How often each may run within a second of processor time: the medians of turns of `seconds` each.
fn race<A, B>(
    turns: usize,
    seconds: f64,
    mut ours: impl FnMut() -> Result<A>,
    mut reference: impl FnMut() -> Result<B>,
) -> Result<(f64, f64)> {
    let (mut our_rates, mut reference_rates) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        our_rates.push(rate(seconds, &mut ours)?);
        reference_rates.push(rate(seconds, &mut reference)?);
    }
    Ok((median(our_rates), median(reference_rates)))
}

fn rate<T>(seconds: f64, work: &mut impl FnMut() -> Result<T>) -> Result<f64> {
    let began = cpu_seconds();
    let mut done = 0.0;
    loop {
        black_box(work()?);
        done += 1.0;
        let taken = cpu_seconds() - began;
        if taken >= seconds {
            return Ok(done / taken);
        }
    }
}
