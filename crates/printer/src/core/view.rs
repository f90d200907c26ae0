//! What people and programs are shown.

use sealpost_api::Problem;

use super::{Core, Ended, Klipper, Now, Stage, TokenLife};

/// The agent's state at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// Store this printer belongs to.
    pub store: Option<String>,
    /// Printer id there.
    pub printer_id: Option<String>,
    /// Name there.
    pub printer_name: Option<String>,
    /// Whether the store takes the token, as far as is known.
    pub authenticated: bool,
    /// The token's life.
    pub token: Option<TokenLife>,
    /// The job at hand.
    pub current: Option<CurrentJob>,
    /// The job that ended last.
    pub ended: Option<Ended>,
    /// Jobs that wait.
    pub queue: Vec<QueueEntry>,
    /// Unix seconds of the store's last answer to a poll.
    pub last_poll: Option<u64>,
    /// Whether Moonraker is reached.
    pub moonraker: bool,
    /// Klipper's state.
    pub klipper: Klipper,
    /// Whether the extra answers.
    pub extra: bool,
    /// What went wrong last and was not mended since.
    pub last_error: Option<LastError>,
    /// Reports that wait for the store.
    pub reports_waiting: usize,
}

/// The job at hand.
#[derive(Clone, Debug)]
pub struct CurrentJob {
    /// Job id.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// How far it is.
    pub stage: Stage,
    /// In the words of the store: `processing`, `printing`, `paused`.
    pub state: &'static str,
    /// Thousandths.
    pub progress: Option<u32>,
}

/// A job that waits.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    /// Job id.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// Its state at the store.
    pub state: String,
    /// Bytes of the sealed blob.
    pub size: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// Something that went wrong.
#[derive(Clone, Debug)]
pub struct LastError {
    /// What.
    pub problem: Problem,
    /// Unix seconds.
    pub at: u64,
}

impl Core {
    /// What to show.
    pub fn view(&self, now: Now) -> View {
        let pairing = self.document.pairing.as_ref();
        let wall = self.wall(now);
        View {
            store: pairing.map(|pairing| pairing.store.clone()),
            printer_id: pairing.map(|pairing| pairing.printer_id.clone()),
            printer_name: pairing.map(|pairing| pairing.printer_name.clone()),
            authenticated: self.paired_and_trusted()
                && self.auth.life.is_some_and(|life| life.expires > wall),
            token: self.auth.life,
            current: self.current.as_ref().map(|current| CurrentJob {
                id: current.record.id.clone(),
                title: current.record.title.clone(),
                stage: current.stage,
                state: self.state_word(current.stage),
                progress: current.progress,
            }),
            ended: self.document.ended.clone(),
            queue: self.queue.iter().map(QueueEntry::from).collect(),
            last_poll: self.poll.last_answer,
            moonraker: self.observed.moonraker,
            klipper: self.observed.klipper,
            extra: self.observed.extra.is_some(),
            last_error: self.errors.last().map(|(_, error)| error.clone()),
            reports_waiting: self.document.outbox.len(),
        }
    }

    /// How the current job reads, if it is the one named.
    pub fn stage_of(&self, job: &str) -> Option<Stage> {
        self.current.as_ref().filter(|current| current.record.id == job).map(|current| current.stage)
    }

    fn state_word(&self, stage: Stage) -> &'static str {
        let paused = self.observed.extra.as_ref().is_some_and(|extra| extra.state == "paused");
        match stage {
            Stage::Recovering | Stage::Preparing | Stage::Waiting | Stage::Loading | Stage::Dropping => {
                "processing"
            }
            Stage::Watching if paused => "paused",
            Stage::Announcing | Stage::Starting | Stage::Watching => "printing",
        }
    }
}

impl From<&sealpost_api::printer::JobOffer> for QueueEntry {
    fn from(offer: &sealpost_api::printer::JobOffer) -> Self {
        Self {
            id: offer.print_job_id.clone(),
            title: offer.title.clone(),
            state: offer.status.to_string(),
            size: offer.blob_size,
            created_at: offer.created_at.clone(),
        }
    }
}
