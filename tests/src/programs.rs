//! Where the programs under test and their companions are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The checkout, or a copy of what is needed of it.
pub fn root() -> PathBuf {
    if let Some(copy) = env::var_os("SEALPOST_TEST_ROOT") {
        return copy.into();
    }
    // As cargo says when it runs this: a kept target folder may hold what was built for a checkout elsewhere.
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let manifest = Path::new(&manifest);
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A program of the workspace, built beside this one, or a copy of it.
pub fn built(name: &str) -> Result<PathBuf> {
    if let Some(copies) = env::var_os("SEALPOST_TEST_PROGRAMS") {
        return Ok(PathBuf::from(copies).join(name));
    }
    let this = env::current_exe()?;
    let program = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    program.with_context(|| format!("{name} is not built: run the suites by `cargo xtask test`"))
}

/// The same program with fault points in it.
pub fn armed(name: &str) -> Result<PathBuf> {
    let program = built(name)?.with_file_name("armed").join(name);
    if !program.exists() {
        bail!("{name} is not built with fault points: run the suite by `cargo xtask test faults`");
    }
    Ok(program)
}

/// A command of `program` with these words before it, as [`crate::disk::Disk::prefix`] gives them.
pub fn behind(prefix: &[String], program: &Path) -> Command {
    match prefix.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

/// The Python with Moonraker in it.
pub fn python() -> Result<PathBuf> {
    match env::var_os("SEALPOST_TEST_PYTHON") {
        Some(python) => Ok(python.into()),
        None => {
            let python = root().join(".cache/python/bin/python");
            if !python.exists() {
                bail!("the tests' Python environment is missing: run `cargo xtask setup`");
            }
            Ok(python)
        }
    }
}

/// The EVM node of the tests, installed from npm beside the contracts.
pub fn anvil() -> Result<PathBuf> {
    if let Some(anvil) = env::var_os("SEALPOST_TEST_ANVIL") {
        return Ok(anvil.into());
    }
    let platform = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let anvil = root().join(format!("contracts/node_modules/@foundry-rs/anvil-linux-{platform}/bin/anvil"));
    if !anvil.exists() {
        bail!("anvil is missing: run `cargo xtask setup`");
    }
    Ok(anvil)
}

/// A real Klipper to use instead of the stand-in.
pub fn real_klipper() -> Option<PathBuf> {
    env::var_os("KLIPPER_DIR").map(PathBuf::from)
}
