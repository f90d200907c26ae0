//! A clock that a test moves, for programs with fault points in them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// The variable that names the file: see `crates/faults`.
const VARIABLE: &str = "SEALPOST_FAULTS_CLOCK";

/// The time of day of the programs that were given its [`Self::variable`].
#[derive(Clone, Debug)]
pub struct Clock {
    file: PathBuf,
}

impl Clock {
    /// One that goes right, with a file of this name in `folder`.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { file: folder.join(format!("{name}.clock")) }
    }

    /// For the environment of a program.
    pub fn variable(&self) -> (String, String) {
        (VARIABLE.to_owned(), self.file.display().to_string())
    }

    /// Wrong by so many seconds from now on, also for programs that run; 0 sets it right.
    pub fn set(&self, seconds: i64) -> Result<()> {
        // Renamed: nobody reads half a number.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n"))?;
        Ok(fs::rename(new, &self.file)?)
    }
}
