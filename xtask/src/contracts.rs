//! The contracts: their tests, what is committed of them, and what an analyser says of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::run::{check, root, say};
use crate::{gas, provision};

/// What Slither finds of little weight, or wrongly; everything else fails the suite.
const NOT_HELD_AGAINST_US: [(&str, &str); 3] = [
    ("timestamp", "refunds by the owner end after 30 days; a validator can move a block's time by seconds"),
    (
        "incorrect-equality",
        "a receipt's hash is compared with zero, which says whether there is one; no balance is",
    ),
    (
        "shadowing-local",
        "the interface names a returned value as the ABI does, like the function it has for it",
    ),
];

/// `cargo xtask test contract`. ARGS go to `forge test`, and then nothing else runs.
pub(crate) fn suite(arguments: &[String]) -> Result<()> {
    let tools = provision::contracts()?;
    if !arguments.is_empty() {
        return check(forge(&tools.forge).arg("test").args(arguments));
    }
    check(forge(&tools.forge).args(["fmt", "--check"]))?;
    check(forge(&tools.forge).arg("test"))?;
    check(Command::new("node").args(["tools/artifact.mjs", "--check"]).current_dir(folder()))?;
    gas::measure(&tools.forge, "bench", true)?;
    analyse(&tools.forge)
}

/// Where the contracts are.
pub(crate) fn folder() -> PathBuf {
    root().join("contracts")
}

/// Forge among the contracts.
pub(crate) fn forge(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder());
    command
}

fn analyse(forge_program: &Path) -> Result<()> {
    let slither = provision::slither()?;
    say("not held against the contracts:");
    for (detector, reason) in NOT_HELD_AGAINST_US {
        say(&format!("  {detector}: {reason}"));
    }
    let excluded = NOT_HELD_AGAINST_US.map(|(detector, _)| detector).join(",");
    let mut command = Command::new(slither);
    command
        .args(["src", "--compile-force-framework", "foundry", "--filter-paths", "node_modules"])
        .args(["--exclude-informational", "--exclude-optimization", "--fail-low", "--exclude", &excluded])
        .current_dir(folder())
        // It cleans the folder it builds in.
        .env("FOUNDRY_PROFILE", "analyser")
        .env("PATH", with_folder_of(forge_program)?);
    check(&mut command)
}

fn with_folder_of(program: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = program.parent().map(Path::to_path_buf);
    Ok(std::env::join_paths(first.into_iter().chain(std::env::split_paths(&path)))?)
}
