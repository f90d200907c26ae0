//! A copy of what the suite `secrecy` runs as other users, where those can reach it: checkout and target folder may lie in a
//! home that is closed to them.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result};

use crate::run::{check, root, target_folder};

/// What is read of the checkout.
const PARTS: [&str; 5] = ["klipper", "moonraker", "tests/klipper_host", "tests/parts", "tests/secrecy"];

/// The copy; it goes when this is dropped.
pub(crate) struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Copies the built programs, the tests' Python environment and the parts of the checkout that are needed.
    pub(crate) fn open(python: &Path) -> Result<Self> {
        let folder = env::temp_dir().join(format!("sealpost-stage-{}", process::id()));
        fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let stage = Self { folder };
        fs::set_permissions(&stage.folder, fs::Permissions::from_mode(0o755))?;
        let built = target_folder().join("debug");
        for program in ["sealpost", "sealpost-printer"] {
            stage.copy(&built.join(program), &Path::new("programs").join(program))?;
        }
        let environment =
            python.ancestors().nth(2).context("a Python environment has its program in `bin`")?;
        stage.copy(environment, Path::new("python"))?;
        for part in PARTS {
            stage.copy(&root().join(part), &Path::new("checkout").join(part))?;
        }
        check(Command::new("chmod").args(["-R", "a+rX"]).arg(&stage.folder))?;
        Ok(stage)
    }

    /// Tells a test where it is.
    pub(crate) fn tell<'t>(&self, test: &'t mut Command) -> &'t mut Command {
        test.env("SEALPOST_TEST_ROOT", self.folder.join("checkout"))
            .env("SEALPOST_TEST_PROGRAMS", self.folder.join("programs"))
            .env("SEALPOST_TEST_PYTHON", self.folder.join("python/bin/python"))
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let to = self.folder.join(to);
        fs::create_dir_all(to.parent().context("it lies in the folder")?)?;
        check(Command::new("cp").arg("-a").arg(from).arg(to))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
