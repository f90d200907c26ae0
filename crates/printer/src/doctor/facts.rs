//! What is looked at.

use std::path::PathBuf;

use sealpost_api::Problem;

use crate::checks::Check;

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Why the settings cannot be used.
    pub settings: Option<Problem>,
    /// Whether `install` put things in place here.
    pub installed: bool,
    /// Why what it noted is not believed.
    pub record: Option<Problem>,
    /// The system forgets it all when it restarts.
    pub forgets: bool,
    /// Pieces of it that are gone or were changed.
    pub pieces: Vec<String>,
    /// The service.
    pub service: Service,
    /// Why the agent's socket may not be used.
    pub socket: Option<String>,
    /// The running agent.
    pub agent: Option<AgentFacts>,
    /// The state folder, where it can be seen.
    pub state_dir: Option<KeyFile>,
    /// Files with secrets.
    pub keys: Vec<KeyFile>,
    /// What the agent itself found.
    pub checks: Vec<Check>,
    /// Klipper has loaded its extra, which listens nowhere.
    pub deaf: bool,
    /// Files are handed over by command.
    pub compatible: bool,
    /// A dumpable Klipper is accepted.
    pub allow_reduced: bool,
    /// The last hand-over was reduced.
    pub was_reduced: bool,
    /// Memory can get onto a disk.
    pub disk_swap: bool,
    /// Bytes that fit into the cache folder.
    pub cache_free: Option<u64>,
    /// Bytes of free memory.
    pub memory_free: Option<u64>,
    /// Seconds by which this clock is ahead of the store's.
    pub clock_ahead: Option<i64>,
    /// This machine's clock, Unix seconds.
    pub now: u64,
    /// What of the printer's limits is known; `None` where the printer could not be asked.
    pub limits: Option<Vec<&'static str>>,
}

/// The service, as what starts it sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// Nothing that could be asked.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// It runs.
    Running,
    /// It does not, in the service manager's word.
    Stopped(String),
}

/// The agent's process.
#[derive(Clone, Debug, Default)]
pub struct AgentFacts {
    /// Process id.
    pub pid: i32,
    /// Its user.
    pub user: String,
    /// That user also runs Klipper.
    pub shared_user: bool,
    /// Others of its user can look into it.
    pub dumpable: Option<bool>,
    /// Bytes of a core file it may leave.
    pub core_limit: Option<u64>,
    /// Bytes it has locked in memory.
    pub locked: Option<u64>,
    /// Bytes of it that are swapped out.
    pub swapped: Option<u64>,
}

/// A file or folder and who may open it.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// Where.
    pub path: PathBuf,
    /// Its user.
    pub user: String,
    /// Bits.
    pub mode: u32,
}
