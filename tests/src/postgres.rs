//! A PostgreSQL cluster of the test program's own: temporary folder, free port, unprivileged user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result, bail};

use crate::service::{Service, free_port};

/// A fresh database of the cluster, which starts with the first one asked for.
pub fn database() -> Result<String> {
    static CLUSTER: OnceLock<Mutex<Option<Cluster>>> = OnceLock::new();
    let Ok(mut cluster) = CLUSTER.get_or_init(Mutex::default).lock() else {
        bail!("the cluster did not start")
    };
    if cluster.is_none() {
        *cluster = Some(Cluster::start()?);
    }
    cluster.as_mut().context("the cluster did not start")?.database()
}

struct Cluster {
    // The keeper of the service stops the cluster when the test program ends: statics are not dropped.
    _service: Service,
    programs: PathBuf,
    port: u16,
    databases: u32,
}

impl Cluster {
    fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("sealpost-postgres-").tempdir()?.keep();
        let data = folder.join("data");
        fs::create_dir(&data)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
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

        let port = free_port()?;
        let mut postgres = as_unprivileged(&programs.join("postgres"))?;
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        postgres.current_dir("/");
        let service = Service::start_and_clean("postgres", &postgres, &folder)?;
        service.wait_for("database system is ready to accept connections")?;
        Ok(Self { _service: service, programs, port, databases: 0 })
    }

    fn database(&mut self) -> Result<String> {
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
