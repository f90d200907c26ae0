//! `cargo xtask test install`: packages and a small Debian to install them in. Needs root: users are made in that tree.

use anyhow::{Context, Result, bail};

use crate::run::{check, say};
use crate::suites::kit_cargo;
use crate::{package, provision};

/// Says that a run of all suites shall do without this one.
const WITHOUT_ROOT: &str = "SEALPOST_TEST_WITHOUT_ROOT";

pub(crate) fn suite(arguments: &[String]) -> Result<()> {
    if !provision::is_root() {
        if std::env::var_os(WITHOUT_ROOT).is_some_and(|value| value == "1") {
            say(&format!("the suite `install` is LEFT OUT: {WITHOUT_ROOT}=1"));
            return Ok(());
        }
        bail!(
            "the suite `install` needs root: `sudo -E cargo xtask test install`; {WITHOUT_ROOT}=1 leaves it out"
        );
    }
    let python = provision::python()?;
    let debian = provision::debian()?;
    let postgres = provision::postgres()?;
    provision::packaging()?;
    let packages = package::build(true)?;
    let folder = packages.first().and_then(|package| package.parent()).context("no package was built")?;
    let mut command = kit_cargo(&python);
    command.args(["test", "--package", "sealpost-tests", "--test", "install", "--"]).args(arguments);
    command.env("SEALPOST_TEST_DEBIAN", debian).env("SEALPOST_TEST_PACKAGES", folder);
    check(command.env("SEALPOST_TEST_POSTGRES_BIN", postgres))
}
