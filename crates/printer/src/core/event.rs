use std::path::PathBuf;

use sealpost_api::{
    Problem,
    printer::{ClaimedJob, Poll, Reported, Statistics},
};
use sealpost_envelope::JobManifest;

use super::document::{Outgoing, Pairing};

/// The time at which an event happened: a monotonic count and what the machine's clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since some fixed point in the life of this process.
    pub mono: u64,
    /// Seconds since the Unix epoch by the machine's clock, which may be years behind.
    pub unix: u64,
}

/// How a request to the store went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Worth trying again: no network, a timeout, a 5xx.
    Retry(Problem),
    /// The store refused it for good.
    Refused(Problem),
    /// The token is not accepted.
    Unauthorized,
}

/// How long a token lives, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLife {
    /// When it was received.
    pub issued: u64,
    /// When it ends.
    pub expires: u64,
}

/// What is known about an opened file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// Bytes of G-code.
    pub size: u64,
    /// Layers, where the file tells.
    pub layers: Option<u32>,
}

/// Something that happened.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants say what their fields are")]
pub enum Event {
    /// The wake-up time came.
    Tick,

    /// The store says that something may have changed.
    Signal,
    /// A person asked to look for jobs now.
    CheckNow,
    /// Answer to [`Effect::Poll`].
    Polled(Result<Poll, Trouble>),
    /// Answer to [`Effect::Claim`], with the nonce that was sent.
    Claimed { job: String, nonce: String, result: Result<Box<ClaimedJob>, Trouble> },
    /// Answer to [`Effect::Send`].
    Reported { report_id: String, result: Result<Reported, Trouble> },
    /// Answer to [`Effect::FetchKeys`]: a compact JWS, not verified.
    KeysFetched(Result<String, Trouble>),
    /// Answer to [`Effect::Refresh`] and [`Effect::Reissue`].
    TokenRenewed(Result<TokenLife, Trouble>),
    /// A pairing was completed and its secrets are stored.
    Paired { pairing: Pairing, life: TokenLife },
    /// The owner ended the pairing.
    Unpaired,

    /// Answer to [`Effect::Prepare`].
    Prepared { job: String, result: Result<Opened, Problem> },
    /// A job that is being prepared has to wait for something; why.
    Delayed { job: String, problem: Problem },
    /// Whether whoever keeps the printer's key can be asked: said while a job needs them, and as answer to [`Effect::AskCustodian`].
    Custodian(Result<(), Problem>),
    /// Answer to [`Effect::Load`]. Where it failed, `sent` says whether the file may have arrived all the same.
    Loaded { job: String, result: Result<(), Problem>, sent: bool },
    /// Answer to [`Effect::Start`].
    StartAnswered { job: String, result: Result<(), String> },
    /// Answer to [`Effect::CancelPrint`].
    CancelAnswered { job: String, result: Result<(), String> },
    /// Answer to [`Effect::Drop`]: whether the extra is now known not to hold the file.
    Dropped { job: String, gone: bool },

    /// What Moonraker tells about the printer.
    Observed(Box<Observation>),
    /// Answer to [`Effect::Query`]: like [`Event::Observed`], asked after `query` was made up.
    Queried { query: u64, result: Result<Box<Observation>, String> },

    /// The owner takes a job off the queue.
    Remove { job: String },
    /// A sealed job was handed in locally instead of being polled.
    HandedIn { claimed: Box<ClaimedJob> },
}

/// Something to do. Effects are carried out in order; [`Effect::Save`] is finished before the next one begins.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants say what their fields are")]
pub enum Effect {
    /// Make the document durable.
    Save,
    /// Ask for jobs.
    Poll,
    /// Claim a job, with a fresh nonce, after the lease it was listed with.
    Claim { job: String, after: u64 },
    /// Send one report.
    Send(Box<Outgoing>),
    /// Get the newest key set.
    FetchKeys,
    /// Get a new token by the old one.
    Refresh,
    /// Get a new token by the identity key.
    Reissue,
    /// Ask whoever keeps the printer's key whether they are there again.
    AskCustodian,
    /// Download, check, open.
    Prepare { claimed: Box<ClaimedJob>, manifest: Box<JobManifest> },
    /// Stop preparing and forget what was prepared.
    Abort { job: String },
    /// Write the stub and hand the file to Klipper's extra.
    Load { job: String, layers: Option<u32> },
    /// Send the start command.
    Start { job: String },
    /// Send the cancel command.
    CancelPrint { job: String },
    /// Make the extra close a file that has not started.
    Drop { job: String },
    /// Ask Moonraker afresh.
    Query { query: u64 },
    /// Tidy up after a job that ended.
    Discard { job: String },
}

/// The state of Klipper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Klipper {
    /// Moonraker cannot reach it, or Moonraker itself is not reached.
    #[default]
    Disconnected,
    /// A configuration error.
    Error,
    /// Takes commands.
    Ready,
    /// Emergency stop or firmware fault.
    Shutdown,
    /// Starting.
    Startup,
}

impl Klipper {
    /// Klipper's own word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Error => "error",
            Self::Ready => "ready",
            Self::Shutdown => "shutdown",
            Self::Startup => "startup",
        }
    }
}

/// What is known of the printer at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// Whether Moonraker is reached.
    pub moonraker: bool,
    /// Klipper's state.
    pub klipper: Klipper,
    /// `print_stats.state`.
    pub print_state: String,
    /// `print_stats.message`.
    pub print_message: String,
    /// `print_stats` durations and filament.
    pub statistics: Statistics,
    /// `print_stats.info.current_layer`.
    pub layer: Option<u32>,
    /// The extra's status object; absent when the extra is.
    pub extra: Option<Extra>,
    /// Tells one run of the extra from the next.
    pub session: Option<String>,
}

/// Status of Klipper's extra.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct Extra {
    /// `idle`, `loaded`, `printing` or `paused`.
    pub state: String,
    /// The job it holds.
    pub job: Option<String>,
    /// Bytes executed.
    pub position: u64,
    /// Bytes of the file.
    pub size: u64,
    /// How the last file ended.
    pub last: Option<LastPrint>,
    /// Where it takes files.
    pub socket: Option<PathBuf>,
}

/// How a file ended, by the extra.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct LastPrint {
    /// Which job.
    pub job: String,
    /// `complete`, `cancelled`, `error`, `shutdown` or `dropped`.
    pub outcome: String,
    /// Bytes executed.
    pub position: u64,
    /// Bytes of the file.
    pub size: u64,
    /// For people.
    pub message: String,
}
