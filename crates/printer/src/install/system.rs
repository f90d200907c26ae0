//! What a printer's computer looks like, as far as installing needs to know.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::tree::Account;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct System {
    /// What starts services.
    pub init: Init,
    /// Who runs Klipper and Moonraker.
    pub owner: Account,
    /// Other users in that user's group, who could command the agent too.
    pub in_owners_group: Vec<String>,
    /// Klipper.
    pub klipper: Klipper,
    /// Moonraker.
    pub moonraker: Moonraker,
    /// The folder `printer_data`.
    pub data: PathBuf,
    /// Its folder `gcodes` is where it usually is.
    pub gcodes: bool,
    /// `printer.cfg`.
    pub printer_cfg: Text,
    /// `moonraker.conf`.
    pub moonraker_conf: Text,
    /// `moonraker.asvc`: the services that Moonraker may start and stop.
    pub asvc: Option<Text>,
    /// The parts that Klipper and Moonraker load.
    pub parts: Parts,
    /// This program.
    pub program: PathBuf,
    /// A package put program, user and service in place.
    pub packaged: bool,
    /// The agent's settings file.
    pub settings: Option<Text>,
    /// What they were before the system forgot them.
    #[serde(skip)]
    pub kept_settings: Option<String>,
    /// A folder that survives what the system forgets at a restart, where that is how it is made.
    pub kept: Option<PathBuf>,
    /// Such a system was told to keep everything until its next update.
    pub remembers: bool,
    /// How the agent gets through to Moonraker.
    pub access: Access,
}

/// What starts services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// systemd.
    Systemd,
    /// Scripts with links for each run level.
    SysV,
    /// Scripts whose names say when they start.
    BusyBox,
}

/// Klipper or Kalico.
#[derive(Clone, Debug, Serialize)]
pub struct Klipper {
    /// Its checkout.
    pub folder: PathBuf,
    /// Where modules of others are looked for.
    pub extras: PathBuf,
    /// It is Kalico.
    pub kalico: bool,
    /// The service's name; not known where the usual one is another printer's.
    pub service: Option<String>,
    /// Its API socket.
    pub socket: PathBuf,
}

/// Moonraker.
#[derive(Clone, Debug, Serialize)]
pub struct Moonraker {
    /// Where its components are.
    pub components: PathBuf,
    /// It was installed by pip.
    pub pip: bool,
    /// The service's name; not known where the usual one is another printer's.
    pub service: Option<String>,
    /// The port it listens on.
    pub port: u16,
    /// Its own Unix socket.
    pub socket: PathBuf,
}

/// A text file as it was found.
#[derive(Clone, Debug, Serialize)]
pub struct Text {
    /// Where.
    pub path: PathBuf,
    /// What is in it.
    #[serde(skip)]
    pub text: String,
}

/// The folder with the parts for Klipper and Moonraker.
#[derive(Clone, Debug, Serialize)]
pub struct Parts {
    /// The folder that has `klipper/` and `moonraker/`.
    pub folder: PathBuf,
    /// It is a checkout that can be updated.
    pub checkout: Option<Checkout>,
}

/// Where updates of a checkout come from.
#[derive(Clone, Debug, Serialize)]
pub struct Checkout {
    /// Address.
    pub origin: String,
    /// Branch.
    pub branch: String,
}

/// How Moonraker treats programs of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It trusts them.
    Trusted,
    /// It wants its API key, which was asked for where it could be.
    Key(#[serde(skip)] Option<ApiKey>),
}

/// Moonraker's API key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub(super) zeroize::Zeroizing<String>);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}
