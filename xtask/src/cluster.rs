//! `cargo xtask test cluster [--full] [--printers N] [--stores N] [--jobs N] [--seed N]`.

use anyhow::{Context, Result};

use crate::provision;
use crate::run::check;
use crate::suites::{build_programs, kit_cargo};

/// What the suite reads for each option.
const OPTIONS: [(&str, &str); 4] = [
    ("--printers", "SEALPOST_CLUSTER_PRINTERS"),
    ("--stores", "SEALPOST_CLUSTER_STORES"),
    ("--jobs", "SEALPOST_CLUSTER_JOBS"),
    ("--seed", "SEALPOST_CLUSTER_SEED"),
];
/// Twenty printers and a hundred jobs.
const FULL: (&str, &str) = ("--full", "SEALPOST_CLUSTER_FULL");

pub(crate) fn suite(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    let postgres = provision::postgres()?;
    build_programs(&[])?;
    let mut command = kit_cargo(&python);
    command.args(["test", "--package", "sealpost-tests", "--test", "cluster", "--", "--nocapture"]);
    command.env("SEALPOST_TEST_POSTGRES_BIN", postgres);
    let (mut sized, mut rest) = (false, arguments.iter());
    while let Some(argument) = rest.next() {
        if argument == FULL.0 {
            command.env(FULL.1, "1");
            sized = true;
        } else if let Some((option, variable)) = OPTIONS.iter().find(|(option, _)| option == argument) {
            command.env(variable, rest.next().with_context(|| format!("{option} wants a value"))?);
            sized = true;
        } else {
            command.arg(argument);
        }
    }
    if sized {
        command.arg("run::");
    }
    check(&mut command)
}
