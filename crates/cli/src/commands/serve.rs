//! `serve`: a store, put together from its settings.

mod settings_file;

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, IsTerminal as _},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use clap::{Args, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sealpost_chain::SettingsError;
use sealpost_envelope::ErrorCode as _;
use sealpost_store::{Certificate, Config, Parts, Store, chain::ChainPort};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use self::settings_file::Settings;
use crate::{
    chain_port::Chain,
    failure::{Doing as _, Failure, Result},
    output::say,
    private_file,
    store_url::StoreUrl,
};

/// How long the database is waited for in silence.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long requests under way are waited for after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);

const AFTER_HELP: &str = "\
Without any settings this is a complete store: SQLite and sealed files in ./sealpost-data.
It prints which file of keys to back up, a one-time link that makes the first operator, and
last, when it answers, one line `listening on http://ADDRESS:PORT`.

SIGTERM and SIGINT end it once the requests under way are answered; SIGHUP reads the certificate anew.
RUST_LOG sets what is logged [default: info].";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArgs {
    /// Settings (TOML); the options below come before what it says
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of database, sealed files and keys [default: ./sealpost-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Address under which people and printers reach the store, where a proxy stands before it
    #[arg(long, value_name = "URL")]
    public_url: Option<StoreUrl>,
    /// How the log is written to standard error; json is one object a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Write the one-time link of the first operator to this file instead of standard error
    #[arg(long, value_name = "FILE")]
    setup_link_file: Option<PathBuf>,
    /// Write the store's address to this file once it answers
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Runs a store until it is told to stop.
pub(crate) fn serve(args: ServeArgs) -> Result<()> {
    let Settings { store: config, chain } = settings(&args)?;
    start_log(args.log_format);
    allow_connections();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().doing("runtime", "start")?;
    let served = runtime.block_on(run(config, chain, &args));
    // Streams that are still open would hold the program; what was promised is on disk.
    runtime.shutdown_background();
    served
}

/// Every printer that waits is an open file, and services begin with a soft limit of 1024 that is theirs to raise.
fn allow_connections() {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

async fn run(mut config: Config, chain: Option<sealpost_chain::Settings>, args: &ServeArgs) -> Result<()> {
    // First, so that a port that was chosen by the system is in every address the store gives out.
    let listener =
        TcpListener::bind(config.listen).await.map_err(|error| cannot_listen(config.listen, &error))?;
    config.listen = listener.local_addr().doing("listen", "learn the address")?;
    let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://{}", config.listen);
    let mut stop = Stop::new()?;
    let _alone = lock(&config)?;
    let chain = chain.map(|settings| connect(settings, &mut config)).transpose()?;

    let store = tokio::select! {
        opened = open(&config, chain) => opened?,
        () = stop.wait() => return Ok(()),
    };
    introduce(&store, &config, args).await?;
    if let Some(path) = &args.ready_file {
        private_file::write(path, format!("{address}\n").as_bytes())
            .doing("ready_file", format_args!("write {}", path.display()))?;
    }
    say!("listening on {address}");

    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let certificate = store.certificate().cloned();
    let replaced = store.replaced();
    let server = store.run(listener, async {
        let _either_way = told.await;
    });
    tokio::pin!(server);
    tokio::select! {
        () = &mut server => return ended(&replaced),
        () = stop.wait() => {}
        never = renew_when_told(certificate) => never?,
    }
    say!("stopping: answering what is under way");
    drop(tell);
    tokio::select! {
        () = &mut server => {}
        () = stop.wait() => say!("stopped at once"),
        () = tokio::time::sleep(GRACE) => say!("stopped with requests still open"),
    }
    Ok(())
}

/// A store ends by itself when another one took its place in the database.
fn ended(replaced: &tokio::sync::watch::Receiver<bool>) -> Result<()> {
    if *replaced.borrow() {
        return Err(Failure::new("store_in_use", "a restore took the place of this store in the database")
            .hint("start it again once the restore has ended"));
    }
    Ok(())
}

/// Reads the certificate anew at each SIGHUP, which ends no store that has none either.
async fn renew_when_told(certificate: Option<Certificate>) -> Result<()> {
    let mut told = signal(SignalKind::hangup()).doing("signal", "listen for signals")?;
    loop {
        told.recv().await;
        match certificate.as_ref().map(Certificate::renew) {
            Some(Ok(())) => say!("the certificate was read anew"),
            Some(Err(error)) => say!("warning: {error}; the certificate so far stays"),
            None => say!("there is no certificate to read anew"),
        }
    }
}

/// Opens the store; says what it waits for when that takes long.
async fn open(config: &Config, chain: Option<Arc<dyn ChainPort>>) -> Result<Store> {
    let parts = Parts {
        shop: Some(sealpost_web::router()),
        front: sealpost_web::is_built(),
        chain,
        ..Parts::default()
    };
    let mut opening = pin!(Store::open_with(config.clone(), parts));
    let opened = match tokio::time::timeout(PATIENCE, &mut opening).await {
        Ok(opened) => opened,
        Err(_) => {
            say!("waiting for the database");
            opening.await
        }
    };
    opened.map_err(failed)
}

/// The chain of the settings. It is asked once the store looks at it: endpoints may be down when a store starts.
fn connect(settings: sealpost_chain::Settings, config: &mut Config) -> Result<Arc<dyn ChainPort>> {
    say!("sells on chain {}, contract {}", settings.chain_id, settings.contract.checksummed());
    for warning in settings.warnings() {
        say!("warning: {warning}");
    }
    if let Some(poll) = settings.poll {
        config.chain_poll_ms = u64::try_from(poll.as_millis()).unwrap_or(u64::MAX);
    }
    let failed = |error: SettingsError| Failure::new(error.code(), error.to_string()).hint(error.hint());
    Ok(Arc::new(Chain::new(settings).map_err(failed)?))
}

/// On SQLite a store takes it that what is half-written was left by an earlier run. PostgreSQL serves several processes.
pub(super) fn lock(config: &Config) -> Result<Option<File>> {
    if config.database_address().starts_with("postgres") {
        return Ok(None);
    }
    let path = config.data_dir.join("lock");
    let opened = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .and_then(|()| File::options().create(true).truncate(false).write(true).open(path));
    let doing = format!("use the folder {}", config.data_dir.display());
    let unusable =
        |failure: Failure| failure.hint("check that it exists, has space, and belongs to this user");
    let file = opened.doing("folder", &doing).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            let sentence = format!("another store uses {}", config.data_dir.display());
            Err(Failure::new("data_in_use", sentence).hint("stop it, or choose another folder with --data"))
        }
        Err(TryLockError::Error(error)) => Err(error).doing("folder", &doing).map_err(unusable),
    }
}

/// The settings of a file, and the folder that comes before what it says.
pub(super) fn settings_of(config: Option<&Path>, data: Option<&Path>) -> Result<Settings> {
    let mut settings = match config {
        Some(path) => {
            let text = fs::read_to_string(path).doing("config", format_args!("read {}", path.display()));
            let text =
                text.map_err(|failure| failure.hint("check the path, and that this user may read the file"))?;
            parse(&text, path)?
        }
        None => Settings::default(),
    };
    if let Some(data) = data {
        data.clone_into(&mut settings.store.data_dir);
    }
    Ok(settings)
}

fn settings(args: &ServeArgs) -> Result<Settings> {
    let mut settings = settings_of(args.config.as_deref(), args.data.as_deref())?;
    let config = &mut settings.store;
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(url) = &args.public_url {
        config.public_url = Some(url.to_string());
    }
    Ok(settings)
}

/// The parser's whole message quotes the line, which may hold the database's password.
fn parse(text: &str, path: &Path) -> Result<Settings> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Failure::usage(
            "config",
            format!("{} line {line}: {}", path.display(), error.message().replace('\n', " ")),
        )
        .hint("the operator guide lists every setting")
    })
}

fn start_log(format: LogFormat) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sea_orm_migration=warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Tells the operator where things are and what to do first.
async fn introduce(store: &Store, config: &Config, args: &ServeArgs) -> Result<()> {
    let steps = store.first_steps().await.map_err(failed)?;
    let data = fs::canonicalize(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
    say!("sealpost {}: store in {}", env!("CARGO_PKG_VERSION"), data.display());
    if let Some(url) = &config.public_url {
        say!("people and printers reach it at {url}");
        if config.trusted_proxies.is_none() && config.is_behind_a_proxy_here() {
            say!(
                "takes the word of the proxy on this machine for whom a request comes from: it must set X-Forwarded-For itself"
            );
        }
    } else if !config.listen.ip().is_loopback() {
        say!(
            "warning: without --public-url the store gives out {}, which others may not reach",
            config.origin()
        );
    }
    if config.origin().parse().is_ok_and(|url: StoreUrl| url.check_transport(false).is_err()) {
        say!(
            "warning: printers and the sealpost command refuse http:// unless they are told to allow it; set `tls_certificate` and `tls_key`, or put a proxy with TLS in front"
        );
    }
    for file in &steps.back_up {
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.clone());
        say!("back up, apart from the rest: {} (without it no sold file opens)", file.display());
    }
    let Some(link) = steps.setup_link else { return Ok(()) };
    match &args.setup_link_file {
        Some(path) => {
            let doing = format!("write the setup link to {}", path.display());
            private_file::write(path, format!("{}\n", link.expose()).as_bytes())
                .doing("setup_link_file", doing)?;
            say!("the link that makes the first operator, once, is in {}", path.display());
        }
        None => say!(
            "open this link, once, to make the first operator and set the store up (without a browser: `sealpost register --setup-link`):\n  {}",
            link.expose()
        ),
    }
    Ok(())
}

pub(super) fn failed(error: sealpost_store::Error) -> Failure {
    use sealpost_store::Error;
    let (code, hint) = match &error {
        Error::Config { .. } => ("config", "the operator guide lists every setting"),
        Error::Database(_) => {
            ("database", "is `database_url` right, does the database run, and may this user use it?")
        }
        Error::RestoreUnfinished => (
            "restore_unfinished",
            "run `sealpost restore` again with the same settings; the store opens after that",
        ),
        Error::InUse => ("store_in_use", "wait until the restore has ended, or stop it"),
        Error::Keys(_) => ("keys", "never make new keys for an old database: nothing in it would open"),
        Error::Io { .. } | Error::Blobs(_) => {
            ("folder", "check that it exists, has space, and belongs to this user")
        }
        Error::Listen { address, source } => return cannot_listen(*address, source),
        _ => ("store", "the log above says more"),
    };
    Failure::new(code, error.to_string()).hint(hint)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::new("listen", format!("cannot listen on {address}: {error}"))
        .hint("choose another address with --listen; port 0 takes a free one")
}

/// The signals that ask a program to end.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).doing("signal", "listen for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_is_for_one_store() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::in_dir(folder.path().join("new"));
        let held = lock(&config).unwrap();
        assert_eq!(lock(&config).unwrap_err().code(), "data_in_use");
        drop(held);
        assert!(lock(&config).unwrap().is_some());
    }

    #[test]
    fn several_stores_may_share_a_folder_beside_postgresql() {
        let folder = tempfile::tempdir().unwrap();
        let database_url = Some("postgres://me@db/shop".to_owned());
        let config = Config { database_url, ..Config::in_dir(folder.path()) };
        assert!(lock(&config).unwrap().is_none());
    }

    #[test]
    fn an_empty_file_is_a_complete_configuration() {
        assert_eq!(parse("", Path::new("c")).unwrap().store.listen, Config::default().listen);
    }

    #[test]
    fn a_wrong_setting_is_told_by_line_without_what_it_holds() {
        let text = "data_dir = \"x\"\ndatabase_url = \"postgres://me:hunter2@db\" oops\n";
        let failure = parse(text, Path::new("store.toml")).unwrap_err().to_string();
        assert!(failure.contains("store.toml line 2"), "{failure}");
        assert!(!failure.contains("hunter2"), "{failure}");
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let failure = parse("lisen = \"x\"\n", Path::new("c")).unwrap_err().to_string();
        assert!(failure.contains("lisen"), "{failure}");
    }
    #[test]
    fn a_wrong_chain_setting_is_told_without_the_keys_of_its_endpoints() {
        let contract = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
        let text = format!(
            "open_registration = true\n\n[chain]\nid = 1\ncontract = \"{contract}\"\nrpc = [\"ftp://a.example/k3y\"]\n"
        );
        let failure = parse(&text, Path::new("store.toml")).unwrap_err().to_string();
        assert!(failure.contains("`rpc` number 1 is not"), "{failure}");
        assert!(!failure.contains("k3y"), "{failure}");
        let parsed = parse(&text.replace("ftp", "https"), Path::new("c")).unwrap();
        assert!(parsed.store.open_registration);
        assert_eq!(parsed.chain.unwrap().chain_id, 1);
    }
}
