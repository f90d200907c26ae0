//! `cargo xtask bench`: figures beside a peer or a limit of the same run.

use anyhow::{Result, bail};

use crate::run::check;
use crate::{provision, suites};

const NAMES: [&str; 3] = ["agent", "store", "waiting"];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(unknown) =
        arguments.iter().find(|word| !word.starts_with('-') && !NAMES.contains(&word.as_str()))
    {
        bail!("there is no benchmark `{unknown}`: {}", NAMES.join(", "));
    }
    let python = provision::python()?;
    let postgres = provision::postgres()?;
    suites::build_programs(&["--release"])?;
    let mut command = suites::kit_cargo(&python);
    command.args(["run", "--quiet", "--release", "--package", "sealpost-tests", "--bin", "bench", "--"]);
    check(command.args(arguments).env("SEALPOST_TEST_POSTGRES_BIN", postgres))
}
