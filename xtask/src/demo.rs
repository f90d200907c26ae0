//! `cargo xtask demo`.

use anyhow::Result;

use crate::run::check;
use crate::{provision, suites};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    provision::npm("tests/browser", "what drives the browser")?;
    let anvil = provision::contracts()?.anvil;
    let parts = suites::browser_parts(&[])?;
    let mut command = suites::kit_cargo(&python);
    check(
        parts
            .tell(&mut command)
            .env("SEALPOST_TEST_ANVIL", anvil)
            .args(["run", "--quiet", "--package", "sealpost-tests", "--bin", "demo", "--"])
            .args(arguments),
    )
}
