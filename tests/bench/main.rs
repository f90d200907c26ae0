//! `cargo xtask bench`: each row beside a peer or a limit measured in the same run.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the rows are the product")]

mod agent;
mod measure;
mod row;

use std::io::Write;

use anyhow::{Result, bail};

const NAMES: [&str; 1] = ["agent"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == measure::CHILD
    {
        return agent::child(rest);
    }
    let json = arguments.iter().any(|word| word == "--json");
    let names: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let names = if names.is_empty() { NAMES.to_vec() } else { names };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for name in names {
        let rows = match name {
            "agent" => runtime.block_on(agent::run())?,
            other => bail!("there is no benchmark `{other}`: {}", NAMES.join(", ")),
        };
        for row in rows {
            if json { println!("{}", row.json()) } else { println!("{row}") }
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}
