//! A real `sealpost-printer`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::person::Person;
use crate::printer::Printer;
use crate::programs::{armed, behind, built};
use crate::service::Service;

/// An agent and its folders.
#[derive(Debug)]
pub struct Agent {
    /// The program, while it runs.
    pub service: Option<Service>,
    /// Its settings file.
    pub config: PathBuf,
    /// Its state folder.
    pub state: PathBuf,
    /// Its blobs.
    pub cache: PathBuf,
    /// Further variables of its programs.
    pub environment: Vec<(String, String)>,
    /// Runs the program with fault points in it.
    pub armed: bool,
    /// What is put before the program: see [`crate::disk::Disk::prefix`].
    pub prefix: Vec<String>,
    folder: PathBuf,
}

impl Agent {
    /// Writes the settings of an agent for `printer`; does not start it.
    pub fn prepare(folder: &Path, printer: &Printer, more: &str) -> Result<Self> {
        let state = folder.join("agent/state");
        let cache = folder.join("agent/cache");
        let config = folder.join("printer.toml");
        let text = format!(
            "state_dir = {state:?}\ncache_dir = {cache:?}\ngcodes_dir = {gcodes:?}\nmoonraker_url = {moonraker:?}\n\
             agent_socket = {socket:?}\n{more}\n",
            gcodes = printer.data.join("gcodes"),
            moonraker = printer.moonraker_url,
            socket = printer.agent_socket(),
        );
        fs::write(&config, text)?;
        Ok(Self {
            service: None,
            config,
            state,
            cache,
            environment: Vec::new(),
            armed: false,
            prefix: Vec::new(),
            folder: folder.to_path_buf(),
        })
    }

    /// Starts the daemon.
    pub fn start(&mut self) -> Result<()> {
        self.launch()?.wait_for("ready").map(drop)
    }

    /// Kills the daemon, if it runs, and starts it anew; does not wait until it is ready.
    pub fn launch(&mut self) -> Result<&Service> {
        self.end()?;
        let mut command = self.command()?;
        command.arg("run");
        Ok(self.service.insert(Service::start("agent", &command, &self.folder)?))
    }

    /// Kills the daemon, if it runs.
    pub fn end(&mut self) -> Result<()> {
        self.service.take().map_or(Ok(()), |mut service| service.put_down())
    }

    /// A command of the same agent.
    pub fn command(&self) -> Result<Command> {
        let program = if self.armed { armed("sealpost-printer")? } else { built("sealpost-printer")? };
        let mut command = behind(&self.prefix, &program);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg("--config").arg(&self.config);
        Ok(command)
    }

    /// Pairs with a store; `owner` approves. Gives the printer's id.
    pub async fn pair(&self, store: &str, owner: &Person) -> Result<String> {
        let mut command = self.command()?;
        command.args(["pair", "--store", store, "--name", "Test printer"]);
        let pairing = Service::start("pair", &command, &self.folder)?;
        let code = pairing.wait_with(find_code).context("the agent showed no code")?;
        let view = owner.approve(&code).await?;
        pairing.wait_for(&view.short_code)?;
        pairing.wait_for("keeper: ended with 0")?;
        let printers: Value = owner.get("/api/v1/printers").await?;
        let newest =
            printers["printers"].as_array().and_then(|printers| printers.last()).context("no printer")?;
        Ok(newest["id"].as_str().context("the printer has no id")?.to_owned())
    }
}

/// A pairing code in a line: eight letters of the code's alphabet with a hyphen in the middle.
pub fn find_code(line: &str) -> Option<String> {
    let is_code = |word: &&str| {
        word.len() == 9
            && word
                .char_indices()
                .all(|(i, c)| if i == 4 { c == '-' } else { "BCDFGHJKLMNPQRSTVWXZ".contains(c) })
    };
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find(is_code).map(str::to_owned)
}
