//! A real `sealpost serve`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::person::Person;
use crate::programs::{armed, behind, built};
use crate::service::Service;

/// A running store with a data folder of its own.
#[derive(Debug)]
pub struct Store {
    /// Where it answers.
    pub url: String,
    /// Its data folder.
    pub data: PathBuf,
    /// The program.
    pub service: Service,
    /// Token of the one-time link, on the first start.
    pub setup_token: Option<String>,
    /// What it was started with; a restart reads it again.
    pub options: Options,
    name: String,
    folder: PathBuf,
}

/// How a store is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Database to use instead of SQLite in the data folder.
    pub database_url: Option<String>,
    /// Further lines of the configuration file.
    pub config: String,
    /// Port to listen on; a free one where absent.
    pub port: Option<u16>,
    /// Further variables of the program.
    pub environment: Vec<(String, String)>,
    /// Runs the program with fault points in it.
    pub armed: bool,
    /// What is put before the program: see [`crate::disk::Disk::prefix`].
    pub prefix: Vec<String>,
}

impl Store {
    /// Starts a store in `folder`, which may hold one already.
    pub fn start(folder: &Path, options: &Options) -> Result<Self> {
        Self::start_beside(folder, "store", options)
    }

    /// Starts another process of the store in `folder`, on the same data, which logs under `name`.
    pub fn start_beside(folder: &Path, name: &str, options: &Options) -> Result<Self> {
        let service = launch(folder, name, options)?;
        let line = service.wait_for("listening on http")?;
        let url = line.split_whitespace().find(|word| word.starts_with("http")).context("no address")?;
        let url = url.trim_end_matches(['/', '.']).to_owned();
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        let said = service.said();
        let setup_token = said.split("/setup#").nth(1).map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
        });
        Ok(Self {
            url,
            data: folder.join("store"),
            service,
            setup_token,
            options: Options { port, ..options.clone() },
            name: name.to_owned(),
            folder: folder.to_path_buf(),
        })
    }

    /// Kills it, if it runs, and starts it anew at the same address; does not wait until it answers.
    pub fn relaunch(&mut self) -> Result<()> {
        self.service.put_down()?;
        self.service = launch(&self.folder, &self.name, &self.options)?;
        Ok(())
    }

    /// The first operator, made by the one-time link.
    pub async fn operator(&self) -> Result<Person> {
        let token = self.setup_token.clone().context("the store printed no one-time link")?;
        Person::set_up(&self.url, &token).await
    }

    /// A new person.
    pub async fn person(&self, name: &str) -> Result<Person> {
        Person::register(&self.url, name).await
    }

    /// The API description.
    pub async fn openapi(&self) -> Result<Value> {
        Ok(reqwest::get(format!("{}/api/openapi.json", self.url)).await?.json().await?)
    }
}

fn launch(folder: &Path, name: &str, options: &Options) -> Result<Service> {
    std::fs::create_dir_all(folder)?;
    let program = if options.armed { armed("sealpost")? } else { built("sealpost")? };
    let mut command = behind(&options.prefix, &program);
    let address = format!("127.0.0.1:{}", options.port.unwrap_or(0));
    let mut config = options.config.clone();
    if let Some(url) = &options.database_url {
        config = format!("database_url = \"{url}\"\n{config}");
    }
    // One each: a process that starts never reads what is being written for another.
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, config)?;
    command.arg("serve").arg("--config").arg(&file).arg("--data").arg(folder.join("store"));
    command.args(["--listen", &address]);
    command.envs(options.environment.iter().map(|(key, value)| (key, value)));
    Service::start(name, &command, folder)
}
