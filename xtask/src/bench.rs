//! `cargo xtask bench`: figures beside a peer or a limit of the same run.

use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{check, target_folder};
use crate::{provision, suites};

const NAMES: [&str; 6] = ["agent", "browser", "envelope", "host", "store", "waiting"];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(unknown) =
        arguments.iter().find(|word| !word.starts_with('-') && !NAMES.contains(&word.as_str()))
    {
        bail!("there is no benchmark `{unknown}`: {}", NAMES.join(", "));
    }
    let python = provision::python()?;
    let postgres = provision::postgres()?;
    // All in one build: cargo would build what they share again for each selection of packages.
    let build = ["--release", "--package", "sealpost-tests"];
    let named: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
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
    check(command.args(arguments).env("SEALPOST_TEST_POSTGRES_BIN", postgres))
}
