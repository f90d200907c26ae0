//! Someone at a terminal, with settings of their own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::person::PASSWORD;
use crate::programs::built;

/// A home folder with the password of everyone in the tests in `password`.
pub struct Terminal {
    home: TempDir,
    store: String,
}

impl Terminal {
    /// One whose commands go to `store`.
    pub fn new(store: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        fs::write(home.path().join("password"), PASSWORD)?;
        Ok(Self { home, store: store.to_owned() })
    }

    /// Where the commands run.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command that is not started yet.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(built("sealpost")?);
        command.args(arguments).env("SEALPOST_STORE", &self.store);
        command.env("SEALPOST_CONFIG_DIR", self.home.path().join("config")).env("HOME", self.home.path());
        command.current_dir(self.home.path());
        Ok(command)
    }

    /// A command, to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        Ok(self.command(arguments)?.output()?)
    }

    /// A command that must work; its JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.run(&[arguments, &["--json"]].concat())?;
        if !output.status.success() {
            bail!(
                "sealpost {}: {}{}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!("sealpost {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stdout))
        })
    }

    /// A command that must be refused; what it says.
    pub fn refused(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        if output.status.success() {
            bail!("sealpost {} worked", arguments.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
