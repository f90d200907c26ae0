//! `cargo xtask bench`: figures beside a peer or a limit of the same run.

use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{check, target_folder};
use crate::{gas, provision, suites};

const NAMES: [&str; 7] = ["agent", "browser", "envelope", "gas", "host", "store", "waiting"];

/// The one that is no matter of time, and has no program of its own.
const GAS: &str = "gas";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(unknown) =
        arguments.iter().find(|word| !word.starts_with('-') && !NAMES.contains(&word.as_str()))
    {
        bail!("there is no benchmark `{unknown}`: {}", NAMES.join(", "));
    }
    let named: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    if named.is_empty() || named.iter().any(|name| *name == GAS) {
        gas::run(arguments.iter().any(|word| word == "--json"))?;
        if !named.is_empty() && named.iter().all(|name| *name == GAS) {
            return Ok(());
        }
    }
    let python = provision::python()?;
    let postgres = provision::postgres()?;
    // All in one build: cargo would build what they share again for each selection of packages.
    let build = ["--release", "--package", "sealpost-tests"];
    let browser = if named.is_empty() || named.iter().any(|name| *name == "browser") {
        provision::npm("tests/browser", "what drives the browser")?;
        Some(suites::browser_parts(&build)?)
    } else {
        suites::build_programs(&build)?;
        None
    };
    let mut command = Command::new(target_folder().join("release/bench"));
    command.env("SEALPOST_TEST_PYTHON", python);
    if let Some(parts) = &browser {
        parts.tell(&mut command);
    }
    check(
        command
            .args(arguments.iter().filter(|word| *word != GAS))
            .env("SEALPOST_TEST_POSTGRES_BIN", postgres),
    )
}
