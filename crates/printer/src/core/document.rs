use std::collections::VecDeque;

use sealpost_api::printer::{Report, ReportStatus};
use serde::{Deserialize, Serialize};

/// Everything the agent must not forget. Written as one JSON document; holds no secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of this layout.
    pub format: u32,
    /// Random, made with the document: by it a store knows an agent that lost what it started. Empty in one of before there were any.
    #[serde(default)]
    pub id: String,
    /// The store this printer belongs to.
    pub pairing: Option<Pairing>,
    /// The latest time, Unix seconds, that the store signed.
    pub time_floor: u64,
    /// The job that was claimed and has not ended.
    pub job: Option<JobRecord>,
    /// Jobs that reached `starting`, oldest first: none of them is started again.
    pub started: VecDeque<String>,
    /// Nonces of accepted manifests, oldest first.
    pub nonces: VecDeque<String>,
    /// Jobs that the owner took off the queue.
    pub removed: VecDeque<String>,
    /// Reports that the store has not answered yet, oldest first.
    pub outbox: VecDeque<Outgoing>,
    /// The job that ended last, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

impl Document {
    /// The layout this program writes.
    pub const FORMAT: u32 = 1;
    /// How many ids each list remembers. A job that is older than this many others has long expired.
    pub const REMEMBERED: usize = 4096;
}

impl Default for Document {
    fn default() -> Self {
        Self {
            format: Self::FORMAT,
            id: String::new(),
            pairing: None,
            time_floor: 0,
            job: None,
            started: VecDeque::new(),
            nonces: VecDeque::new(),
            removed: VecDeque::new(),
            outbox: VecDeque::new(),
            ended: None,
        }
    }
}

/// A pairing with a store.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Pairing {
    /// The store's origin.
    pub store: String,
    /// This printer's id there.
    pub printer_id: String,
    /// Its name for people.
    pub printer_name: String,
    /// The store's root key, lower hex; pinned.
    pub root_key: String,
    /// The newest key set accepted, a compact JWS.
    pub key_set: Option<String>,
    /// Its version.
    pub key_set_version: u64,
}

/// A claimed job.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct JobRecord {
    /// Job id.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// Lease held; 0 while the answer to the claim has not come, and for a job that somebody carried here.
    pub lease: u64,
    /// Seconds of silence the store tolerates.
    pub lease_seconds: u64,
    /// Set, and made durable, before the file is handed to Klipper's extra: from then on a person could start it.
    #[serde(default)]
    pub handed: bool,
    /// Which run of Klipper's extra it was handed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Set, and made durable, before the start command is sent.
    pub starting: bool,
}

impl JobRecord {
    /// One that was claimed and is not handed over.
    pub(super) fn claimed(id: String, title: String, lease: u64, lease_seconds: u64) -> Self {
        Self { id, title, lease, lease_seconds, handed: false, session: None, starting: false }
    }
}

/// A job that ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Job id.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// How.
    pub outcome: ReportStatus,
    /// Why, where there is more to say: code, colon, sentence.
    pub reason: Option<String>,
    /// Unix seconds, as well as this machine knew.
    pub at: u64,
}

/// A report on its way.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Outgoing {
    /// Job it is about.
    pub job: String,
    /// The report.
    pub report: Report,
}

/// Appends to a list that forgets its oldest entries; nothing is listed twice.
pub(super) fn remember(list: &mut VecDeque<String>, id: &str) {
    if list.iter().any(|known| known == id) {
        return;
    }
    if list.len() == Document::REMEMBERED {
        list.pop_front();
    }
    list.push_back(id.to_owned());
}
