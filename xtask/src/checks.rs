//! Formatting and lints.

use anyhow::Result;

use crate::fuzz::fuzz_cargo;
use crate::plugin;
use crate::run::{cargo, check, root};

pub(crate) fn lint() -> Result<()> {
    check(cargo().args(["fmt", "--all", "--check"]))?;
    check(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    let fuzz = root().join("fuzz/Cargo.toml");
    check(cargo().args(["fmt", "--check", "--manifest-path"]).arg(fuzz))?;
    check(fuzz_cargo("clippy")?.args(["--all-targets", "--", "-D", "warnings"]))?;
    plugin::lint()
}
