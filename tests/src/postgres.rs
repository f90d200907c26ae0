//! PostgreSQL clusters of the test program's own: temporary folder, free port, unprivileged user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::service::{Service, free_port};

pub mod commits;

/// A fresh database of the cluster that all tests of a program share, which starts with the first one asked for.
pub fn database() -> Result<String> {
    static CLUSTER: OnceLock<Mutex<Option<Cluster>>> = OnceLock::new();
    let Ok(mut cluster) = CLUSTER.get_or_init(Mutex::default).lock() else {
        bail!("the cluster did not start")
    };
    if cluster.is_none() {
        *cluster = Some(Cluster::shared()?);
    }
    cluster.as_mut().context("the cluster did not start")?.database()
}

/// A cluster that can be restarted.
#[derive(Debug)]
pub struct Cluster {
    service: Option<Service>,
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    databases: u32,
    // Last, so that it outlives the program. The keeper of a shared cluster removes its folder: statics are not dropped.
    _folder: Option<TempDir>,
}

/// How a database server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Transactions are rolled back and connections closed with a word (`fast`).
    Fast,
    /// As a crash: nobody is told, and the next start recovers from the log (`immediate`).
    Crash,
}

impl Cluster {
    /// Starts one of the caller's own.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-postgres-").tempdir()?;
        let mut cluster = Self::make(folder.path())?;
        cluster._folder = Some(folder);
        cluster.run(Service::start)?;
        Ok(cluster)
    }

    /// A fresh database.
    pub fn database(&mut self) -> Result<String> {
        self.databases += 1;
        let name = format!("store_{}", self.databases);
        let port = self.port.to_string();
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "sealpost", "-d", "postgres", "-q", "-c"]);
        let made = psql.arg(format!("CREATE DATABASE {name}")).output()?;
        if !made.status.success() {
            bail!("the database was not made: {}", String::from_utf8_lossy(&made.stderr));
        }
        Ok(format!("postgres://sealpost@127.0.0.1:{port}/{name}"))
    }

    /// Ends the server, whoever is connected, and waits until it is gone.
    pub fn end(&mut self, end: End) -> Result<()> {
        let Some(service) = self.service.take() else { return Ok(()) };
        service.signal(match end {
            End::Fast => Signal::INT,
            End::Crash => Signal::QUIT,
        })?;
        service.wait_for("keeper: ended with").map(drop)
    }

    /// Starts the server that was ended, at the same address, and waits until it takes connections.
    pub fn resume(&mut self) -> Result<()> {
        if self.service.is_none() {
            self.run(Service::start)?;
        }
        Ok(())
    }

    /// Ends the server and starts it again.
    pub fn restart(&mut self, end: End) -> Result<()> {
        self.end(end)?;
        self.resume()
    }

    fn shared() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-postgres-").tempdir()?.keep();
        let mut cluster = Self::make(&folder)?;
        cluster.run(Service::start_and_clean)?;
        Ok(cluster)
    }

    fn make(folder: &Path) -> Result<Self> {
        let programs = programs()?;
        let data = folder.join("data");
        fs::create_dir(&data)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        if rustix::process::geteuid().is_root() {
            chown(&data, Some(unprivileged()?), None)?;
        }

        let mut initdb = as_unprivileged(&programs.join("initdb"))?;
        initdb.arg("--pgdata").arg(&data);
        initdb.args([
            "--username",
            "sealpost",
            "--auth",
            "trust",
            "--no-sync",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
        ]);
        let made = initdb.current_dir("/").output()?;
        if !made.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        }

        Ok(Self { service: None, programs, data, port: free_port()?, databases: 0, _folder: None })
    }

    fn run(&mut self, start: impl Fn(&str, &Command, &Path) -> Result<Service>) -> Result<()> {
        let mut postgres = as_unprivileged(&self.programs.join("postgres"))?;
        postgres.arg("-D").arg(&self.data).args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        postgres.current_dir("/");
        let folder = self.data.parent().context("the data lies in a folder")?;
        let service = start("postgres", &postgres, folder)?;
        service.wait_for("database system is ready to accept connections")?;
        self.service = Some(service);
        Ok(())
    }
}

fn programs() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("SEALPOST_TEST_POSTGRES_BIN") {
        return Ok(folder.into());
    }
    let versions =
        fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is missing: run `cargo xtask setup`")?;
    let mut versions: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    versions.sort();
    versions.pop().context("PostgreSQL is missing: run `cargo xtask setup`")
}

/// PostgreSQL refuses to run as root.
fn as_unprivileged(program: &Path) -> Result<Command> {
    if !rustix::process::geteuid().is_root() {
        return Ok(Command::new(program));
    }
    let user = unprivileged()?.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(program);
    Ok(command)
}

fn unprivileged() -> Result<u32> {
    let output = Command::new("id").args(["-u", "postgres"]).output()?;
    let fallback = 65534;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(fallback))
}
