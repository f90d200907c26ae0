//! `cargo xtask test install`: packages and a small Debian to install them in. Needs root: users are made in that tree.

use anyhow::{Context, Result};

use crate::run::{check, say};
use crate::suites::kit_cargo;
use crate::{package, provision};

pub(crate) fn suite(arguments: &[String]) -> Result<()> {
    if !provision::is_root() {
        say("the suite `install` is left out: it needs root, `sudo -E cargo xtask test install`");
        return Ok(());
    }
    let python = provision::python()?;
    let debian = provision::debian()?;
    provision::packaging()?;
    let packages = package::build(true)?;
    let folder = packages.first().and_then(|package| package.parent()).context("no package was built")?;
    let mut command = kit_cargo(&python);
    command.args(["test", "--package", "sealpost-tests", "--test", "install", "--"]).args(arguments);
    check(command.env("SEALPOST_TEST_DEBIAN", debian).env("SEALPOST_TEST_PACKAGES", folder))
}
