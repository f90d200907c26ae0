//! Formatting and lints.

use anyhow::Result;

use crate::run::{cargo, check};

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
    Ok(())
}
