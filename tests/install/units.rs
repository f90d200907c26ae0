//! The units are as closed as they are said to be, and the packages have no mistakes that lintian calls errors.

use std::fs;
use std::process::Command;

use anyhow::Result;
use sealpost_tests::programs::root;

use crate::debian::run;
use crate::package::packages;

/// A program that is there wherever the units are judged.
const TRUE: &str = "/usr/bin/true";

#[test]
fn both_units_expose_at_most_one_and_a_half_of_ten() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for name in ["sealpost-printer.service", "sealpost.service"] {
        let unit = folder.path().join(name);
        let text = fs::read_to_string(root().join("packaging").join(name))?;
        fs::write(&unit, text.replace("/usr/bin/sealpost-printer", TRUE).replace("/usr/bin/sealpost", TRUE))?;
        run(Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=15"])
            .arg(&unit))?;
        run(Command::new("systemd-analyze").arg("verify").arg(&unit))?;
    }
    Ok(())
}

#[test]
fn lintian_calls_nothing_in_the_packages_an_error() -> Result<()> {
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error", "--no-tag-display-limit"]).args(packages()?);
    run(&mut lintian).map(drop)
}
