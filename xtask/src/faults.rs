//! `cargo xtask test faults [--seed N] [--schedules N] [--lanes N] [--seconds N] [--schedule TEXT] [--points] [--record]`:
//! programs with fault points in them, of their own beside the usual ones.

use std::fs;

use anyhow::{Context, Result};

use crate::provision;
use crate::run::{cargo, check, target_folder};
use crate::suites::{build_programs, kit_cargo};

/// What the suite reads for each option.
const OPTIONS: [(&str, &str); 5] = [
    ("--seconds", "SEALPOST_FAULTS_SECONDS"),
    ("--lanes", "SEALPOST_FAULTS_LANES"),
    ("--seed", "SEALPOST_FAULTS_SEED"),
    ("--schedules", "SEALPOST_FAULTS_SCHEDULES"),
    ("--schedule", "SEALPOST_FAULTS_SCHEDULE"),
];

pub(crate) fn suite(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    arm()?;
    // Last, so that what lies at the usual place is the program without fault points.
    build_programs(&[])?;
    let mut command = kit_cargo(&python);
    command.args(["test", "--package", "sealpost-tests", "--test", "faults", "--", "--nocapture"]);
    command.env("SEALPOST_TEST_POSTGRES_BIN", provision::postgres()?);
    let (mut chance, mut points, mut rest) = (false, false, arguments.iter());
    while let Some(argument) = rest.next() {
        match OPTIONS.iter().find(|(option, _)| option == argument) {
            Some((option, variable)) => {
                command.env(variable, rest.next().with_context(|| format!("{option} wants a value"))?);
                chance = true;
            }
            None if argument == "--points" => {
                command.env("SEALPOST_FAULTS_POINTS", "1").arg("points::");
                points = true;
            }
            None if argument == "--record" => {
                command.env("SEALPOST_FAULTS_RECORD", "1").arg("record::");
            }
            None => {
                command.arg(argument);
            }
        }
    }
    if chance && !points {
        command.arg("random::");
    }
    check(&mut command)
}

/// Builds the programs with fault points into a folder of their own.
fn arm() -> Result<()> {
    let folder = target_folder().join("debug");
    let armed = folder.join("armed");
    fs::create_dir_all(&armed)?;
    for (package, program) in [("sealpost-cli", "sealpost"), ("sealpost-printer", "sealpost-printer")] {
        check(cargo().args(["build", "--package", package, "--features", "faults"]))?;
        fs::copy(folder.join(program), armed.join(program))
            .with_context(|| format!("{program} was not built"))?;
    }
    Ok(())
}
