//! `cargo xtask bench`: each row beside a peer or a limit measured in the same run.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the rows are the product")]

mod agent;
mod bare;
mod browser;
mod envelope;
mod host;
mod load;
mod measure;
mod row;
mod store;
mod waiting;

use std::io::Write;

use anyhow::{Context, Result, bail};

const NAMES: [&str; 6] = ["agent", "browser", "envelope", "host", "store", "waiting"];
/// Of the large upload of `store`, bytes.
const SIZE: u64 = 1_000_000_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let [first, rest @ ..] = arguments.as_slice()
        && first == measure::CHILD
    {
        return match rest {
            [what, rest @ ..] if what == bare::CHILD => runtime.block_on(bare::serve(rest)),
            [what, rest @ ..] if what == envelope::CHILD => envelope::child(rest),
            rest => agent::child(rest),
        };
    }
    let mut json = false;
    let mut size = SIZE;
    let mut names = Vec::new();
    for word in &arguments {
        match word.split_once('=') {
            Some(("--size", bytes)) => size = bytes.parse().context("--size=BYTES")?,
            None if word == "--json" => json = true,
            None if NAMES.contains(&word.as_str()) => names.push(word.as_str()),
            _ => bail!("usage: bench [--json] [--size=BYTES] [{}]...", NAMES.join("|")),
        }
    }
    let names = if names.is_empty() { NAMES.to_vec() } else { names };
    for name in names {
        let rows = match name {
            "agent" => runtime.block_on(agent::run())?,
            "browser" => browser::run()?,
            "envelope" => envelope::run()?,
            "host" => host::run()?,
            "store" => runtime.block_on(store::run(size))?,
            _ => runtime.block_on(waiting::run())?,
        };
        for row in rows {
            if json { println!("{}", row.json()) } else { println!("{row}") }
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}
