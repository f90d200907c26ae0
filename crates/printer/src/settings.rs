//! The agent's settings file and what is used where it says nothing.

use std::{
    env, fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use sealpost_api::Problem;
use sealpost_gcode::{Approvals, Limits};
use serde::Deserialize;
use url::{Host, Url};

/// Where the settings are looked for.
pub const DEFAULT_PATH: &str = "/etc/sealpost/printer.toml";

/// Where the state lies when nobody says otherwise.
const STATE_FOLDER: &str = "/var/lib/sealpost-printer";
/// The service's runtime folder: commands typed beside it have no `$RUNTIME_DIRECTORY`.
const SERVICE_FOLDER: &str = "/run/sealpost-printer";

/// Settings as they are used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The store to pair with, where the command does not say.
    pub store: Option<Url>,
    /// Identity key, token, state document. `$STATE_DIRECTORY`, else `/var/lib/sealpost-printer`.
    pub state_dir: PathBuf,
    /// Sealed blobs while they are downloaded. `$CACHE_DIRECTORY`, else `/var/cache/sealpost-printer`.
    pub cache_dir: PathBuf,
    /// The printer's `gcodes` folder; asked of Moonraker where absent.
    pub gcodes_dir: Option<PathBuf>,
    /// Moonraker's address.
    pub moonraker_url: Url,
    /// Moonraker's Unix socket, used instead of the address where given.
    pub moonraker_socket: Option<PathBuf>,
    /// File with Moonraker's API key, for printers that do not trust this machine.
    pub moonraker_api_key_file: Option<PathBuf>,
    /// The extra's socket; asked of the extra through Moonraker where absent.
    pub handover_socket: Option<PathBuf>,
    /// The agent's own socket.
    pub agent_socket: PathBuf,
    /// Time between two slow polls.
    pub poll_interval: Duration,
    /// The custodial wallet service (CWS) that keeps this printer's key, for older stores. The printer's token goes there.
    pub cws_url: Option<Url>,
    /// Take `http://` for a store on the local network.
    pub allow_http: bool,
    /// Print although Klipper's process can be looked into by others of its user.
    pub allow_reduced: bool,
    /// Hand over to a Klipper that does not tell its process: who listens is then known by its user alone.
    pub allow_unknown_pid: bool,
    /// Hand files over by the documented commands instead of the socket: reduced protection.
    pub compatible: bool,
    /// Extra log file beside standard error.
    pub log_file: Option<PathBuf>,
    /// More detail in the log; never secrets.
    pub debug: bool,
    /// How many stubs of ended jobs stay in the file list.
    pub keep_stubs: usize,
    /// What purchased files may use of the printer's own macros.
    pub macros: Macros,
}

/// What the owner says of macros, for purchased files.
#[derive(Clone, Debug)]
pub struct Macros {
    /// Whether the usual macros of start, end and layers need no approval.
    pub conventional: bool,
    /// What is approved beyond them, or in their stead.
    pub approved: Approvals,
}

impl Macros {
    /// The printer's limits with what its owner says.
    pub fn within(&self, limits: Limits) -> Limits {
        Limits { approved: self.approved.clone(), conventional_macros: self.conventional, ..limits }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings file {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not TOML, or a key nobody knows.
    #[error("the settings file {path} is not right: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A macro that cannot be approved like that.
    #[error("the approved macros are not right: {0}")]
    Macros(sealpost_gcode::ApprovalError),
    /// An address that must not be used.
    #[error("{url}: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl SettingsError {
    /// With a code and what to do.
    pub fn problem(&self) -> Problem {
        let (code, title, hint) = match self {
            Self::Read { .. } => (
                "settings_unreadable",
                "The settings cannot be read",
                "Check the path behind `--config`, and that this user may read the file.",
            ),
            Self::Syntax { .. } => (
                "settings_wrong",
                "The settings are not right",
                "Mend that line; the printer guide lists every key.",
            ),
            Self::Macros(_) => (
                "macros_wrong",
                "The approved macros are not right",
                "Mend `[macros]` in the settings; the printer guide shows what may stand there.",
            ),
            Self::Address { .. } => (
                "bad_address",
                "The address cannot be used",
                "Use the address in full, such as https://store.example.",
            ),
        };
        let detail = match self {
            Self::Read { path, source } => format!("{}: {source}", path.display()),
            Self::Syntax { path, message } => format!("{}, {message}", path.display()),
            Self::Macros(_) | Self::Address { .. } => self.to_string(),
        };
        Problem::new(400, code, title).detail(detail).hint(hint)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    store: Option<String>,
    cws_url: Option<String>,
    state_dir: Option<PathBuf>,
    cache_dir: Option<PathBuf>,
    gcodes_dir: Option<PathBuf>,
    moonraker_url: Option<String>,
    moonraker_socket: Option<PathBuf>,
    moonraker_api_key_file: Option<PathBuf>,
    handover_socket: Option<PathBuf>,
    agent_socket: Option<PathBuf>,
    poll_interval_seconds: Option<u64>,
    allow_http: bool,
    allow_reduced: bool,
    allow_unknown_pid: bool,
    compatible: bool,
    log_file: Option<PathBuf>,
    debug: bool,
    keep_stubs: Option<usize>,
    conventional_macros: Option<bool>,
    macros: Approvals,
}

impl Settings {
    /// Whether they let other programs on the printer look into prints.
    pub fn is_reduced(&self) -> bool {
        self.compatible || self.allow_reduced
    }

    /// Reads a settings file. Without `path` the default one, which may be missing.
    pub fn load(path: Option<&Path>) -> Result<Self, SettingsError> {
        let file = match (path, fs::read_to_string(path.unwrap_or(Path::new(DEFAULT_PATH)))) {
            (_, Ok(text)) => toml::from_str(&text).map_err(|error| SettingsError::Syntax {
                path: path.unwrap_or(Path::new(DEFAULT_PATH)).to_owned(),
                message: located(&text, &error),
            })?,
            (None, Err(error)) if error.kind() == io::ErrorKind::NotFound => File::default(),
            (path, Err(source)) => {
                let path = path.unwrap_or(Path::new(DEFAULT_PATH)).to_owned();
                return Err(SettingsError::Read { path, source });
            }
        };
        Self::fill(file)
    }

    fn fill(file: File) -> Result<Self, SettingsError> {
        let state_dir =
            file.state_dir.or_else(|| first_folder("STATE_DIRECTORY")).unwrap_or_else(|| STATE_FOLDER.into());
        let agent_socket = file.agent_socket.unwrap_or_else(|| {
            let service = Some(Path::new(SERVICE_FOLDER)).filter(|folder| folder.is_dir());
            socket_folder(first_folder("RUNTIME_DIRECTORY"), service, &state_dir).join("agent.sock")
        });
        Ok(Self {
            store: file.store.map(|text| store_url(&text, file.allow_http)).transpose()?,
            cws_url: file.cws_url.map(|text| store_url(&text, file.allow_http)).transpose()?,
            cache_dir: file
                .cache_dir
                .or_else(|| first_folder("CACHE_DIRECTORY"))
                .unwrap_or_else(|| "/var/cache/sealpost-printer".into()),
            state_dir,
            agent_socket,
            gcodes_dir: file.gcodes_dir,
            moonraker_url: parse(file.moonraker_url.as_deref().unwrap_or("http://127.0.0.1:7125"))?,
            moonraker_socket: file.moonraker_socket,
            moonraker_api_key_file: file.moonraker_api_key_file,
            handover_socket: file.handover_socket,
            poll_interval: Duration::from_secs(file.poll_interval_seconds.unwrap_or(60).clamp(5, 3600)),
            allow_http: file.allow_http,
            allow_reduced: file.allow_reduced,
            allow_unknown_pid: file.allow_unknown_pid,
            compatible: file.compatible,
            log_file: file.log_file,
            debug: file.debug,
            keep_stubs: file.keep_stubs.unwrap_or(10),
            macros: Macros {
                conventional: file.conventional_macros.unwrap_or(true),
                approved: file.macros.checked().map_err(SettingsError::Macros)?,
            },
        })
    }
}

/// A store's address: `https://`, or `http://` to this machine, or to the local network where that was allowed.
pub fn store_url(text: &str, allow_http: bool) -> Result<Url, SettingsError> {
    let url = parse(text)?;
    let refuse = |reason| Err(SettingsError::Address { url: text.to_owned(), reason });
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("an address of a store holds no user name");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" if allow_http && is_local_network(&url) => Ok(url),
        "http" if allow_http => refuse("`allow_http` is for addresses of the local network; use https://"),
        "http" => refuse("use https:// (or write `allow_http = true` for a store on the local network)"),
        _ => refuse("an address of a store begins with https://"),
    }
}

/// One line: the parser's own message draws a picture.
fn located(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message().replace('\n', " "))
}

fn parse(text: &str) -> Result<Url, SettingsError> {
    let url = Url::parse(text.trim())
        .map_err(|_| SettingsError::Address { url: text.to_owned(), reason: "this is not an address" })?;
    if url.host().is_none() {
        return Err(SettingsError::Address { url: text.to_owned(), reason: "the address names no host" });
    }
    Ok(url)
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

pub(crate) fn is_local_network(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Domain(name)) => return name.ends_with(".local") || !name.contains('.'),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        None => return false,
    };
    match address {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The folder of the agent's socket: the runtime folder, or that of the service whose state this is, or the state folder.
fn socket_folder(runtime: Option<PathBuf>, service: Option<&Path>, state_dir: &Path) -> PathBuf {
    let service = service.filter(|_| state_dir == Path::new(STATE_FOLDER));
    runtime.or_else(|| service.map(Path::to_owned)).unwrap_or_else(|| state_dir.to_owned())
}

/// systemd separates several folders by colons.
fn first_folder(variable: &str) -> Option<PathBuf> {
    let value = env::var_os(variable)?;
    env::split_paths(&value).next().filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_and_by_permission_for_the_local_network() {
        for (text, allow, good) in [
            ("https://store.example", false, true),
            ("http://127.0.0.1:8080", false, true),
            ("http://[::1]:8080", false, true),
            ("http://localhost", false, true),
            ("http://192.168.1.4", false, false),
            ("http://192.168.1.4", true, true),
            ("http://store.local", true, true),
            ("http://store.example", true, false),
            ("http://8.8.8.8", true, false),
            ("ftp://store.example", true, false),
            ("https://a:b@store.example", false, false),
            ("store.example", false, false),
        ] {
            assert_eq!(store_url(text, allow).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn commands_find_the_socket_of_the_service_whose_state_they_share() {
        let (service, ours) = (Path::new(SERVICE_FOLDER), Path::new(STATE_FOLDER));
        let runtime = || Some(PathBuf::from("/run/other"));
        assert_eq!(socket_folder(runtime(), Some(service), ours), Path::new("/run/other"));
        assert_eq!(socket_folder(None, Some(service), ours), service);
        assert_eq!(socket_folder(None, None, ours), ours);
        assert_eq!(socket_folder(None, Some(service), Path::new("/tmp/a")), Path::new("/tmp/a"));
    }

    #[test]
    fn approved_macros_are_read_and_what_nobody_may_approve_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("printer.toml");
        let load = |text: &str| {
            fs::write(&path, text).unwrap();
            Settings::load(Some(&path)).map_err(|error| error.problem())
        };
        let settings = load(
            "conventional_macros = false\n[macros]\nmy_start = { BED = [0, 110], KIND = [\"PLA\"], NAME = \"word\" }\n\
             [macros.CLEAN]\nX = \"number\"\n",
        );
        let macros = settings.unwrap().macros;
        assert_eq!(macros.approved.names().collect::<Vec<_>>(), ["CLEAN", "MY_START"]);
        assert!(!macros.conventional && !macros.within(Limits::default()).conventional_macros);
        assert!(load("").unwrap().macros.conventional);

        for wrong in ["[macros]\nRUN_SHELL_COMMAND = {}\n", "[macros]\nA = { B = [2, 1] }\n"] {
            assert_eq!(load(wrong).unwrap_err().code, "macros_wrong", "{wrong}");
        }
        assert_eq!(load("[macros]\nA = { B = \"any\" }\n").unwrap_err().code, "settings_wrong");
    }

    #[test]
    fn a_key_nobody_knows_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("printer.toml");
        fs::write(&path, "alow_http = true\n").unwrap();
        let problem = Settings::load(Some(&path)).unwrap_err().problem();
        assert_eq!(problem.code, "settings_wrong");
        assert!(problem.detail.contains("line 1: unknown field `alow_http`"), "{problem}");
    }
}
