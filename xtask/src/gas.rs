//! `cargo xtask bench gas`: what a sale costs on the chain, beside a plainly written contract and Seaport.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::contracts::{folder, forge};
use crate::provision;
use crate::run::{check, say};

/// Measures and prints the rows.
pub(crate) fn run(json: bool) -> Result<()> {
    let tools = provision::contracts()?;
    for profile in ["bench", "seaport"] {
        measure(&tools.forge, profile, false)?;
    }
    let mut rows = Command::new("node");
    rows.arg("tools/gas.mjs").args(json.then_some("--json")).current_dir(folder());
    check(&mut rows)
}

/// Measures whole transactions into `contracts/snapshots`, or holds them against what is there.
pub(crate) fn measure(program: &Path, profile: &str, held: bool) -> Result<()> {
    let mut command = forge(program);
    command.arg("test").env("FOUNDRY_PROFILE", profile).env("FORGE_SNAPSHOT_CHECK", held.to_string());
    if held {
        return check(&mut command);
    }
    if profile == "seaport" {
        say("measuring Seaport, whose compilation takes minutes the first time");
    }
    // The rows go to standard output, forge's report does not belong among them.
    let output = command.stdin(Stdio::null()).output().context("forge could not be started")?;
    if !output.status.success() {
        bail!("forge ended with {}: {}", output.status, String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}
