//! `cargo xtask demo`.

use anyhow::Result;

use crate::run::check;
use crate::{provision, suites};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    provision::npm("tests/browser", "what drives the browser")?;
    let parts = suites::browser_parts(&[])?;
    let mut command = suites::kit_cargo(&python);
    check(
        parts
            .tell(&mut command)
            .args(["run", "--quiet", "--package", "sealpost-tests", "--bin", "demo", "--"])
            .args(arguments),
    )
}
