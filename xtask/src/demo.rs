//! `cargo xtask demo`.

use anyhow::Result;

use crate::run::check;
use crate::{provision, suites};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    suites::build_programs(&[])?;
    let mut command = suites::kit_cargo(&python);
    check(
        command
            .args(["run", "--quiet", "--package", "sealpost-tests", "--bin", "demo", "--"])
            .args(arguments),
    )
}
