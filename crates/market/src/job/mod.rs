//! Jobs: one print on one printer.

mod lost;
mod reason;
mod report;
mod restored;
mod rules;
mod state;

pub use report::{LmntOutcome, Report, ReportStatus, UnknownStatus};
pub use rules::{apply, create_job};
pub use state::{JobState, Outcome};

use serde::{Deserialize, Serialize};

use crate::{Fact, JobId, Licence, LicenceId, Nonce, Party, PrinterId, ReleaseId, ReportId, Timestamp};

/// One print on one printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// The licence that holds a print for it until it ends.
    pub licence: LicenceId,
    /// Which file.
    pub release: ReleaseId,
    /// The only printer that may claim it.
    pub printer: PrinterId,
    /// Where it stands.
    pub state: JobState,
    /// Number of the lease in force; 0 before the first claim.
    pub lease: u64,
    /// When the lease ends unless a report renews it.
    pub lease_until: Option<Timestamp>,
    /// Of the lease in force.
    pub nonce: Option<Nonce>,
    /// Whether a key was ever given out for it. Never goes back to false.
    pub key_released: bool,
    /// Whether the printer said that it started. Never goes back to false.
    pub started: bool,
    /// When it expires unless a printer claims it.
    pub expires_at: Option<Timestamp>,
    /// Identifiers of the newest accepted reports, oldest first; at most [`Job::REPORTS_KEPT`].
    pub reports: Vec<ReportId>,
    /// What the printer or the person who decided said last, or why the job ended without either; at most
    /// [`Job::MESSAGE_CHARS`] characters.
    pub message: Option<String>,
    /// Whether somebody asked to end it after its key was out; the printer answers with a report.
    pub cancel_requested: bool,
    /// Whether its print was given back after its key was released.
    pub free_retry: bool,
    /// Whether the store was restored while it was open, and gave no lease for it since: its printer may know more.
    pub restored: bool,
    /// Whether the store lost its file or key after it was claimed, and gave no lease for it since.
    #[serde(default)]
    pub lost: bool,
}

/// What is needed to make a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// A fresh identifier.
    pub id: JobId,
    /// Which file.
    pub release: ReleaseId,
    /// Where it prints.
    pub printer: PrinterId,
    /// The release's blob is used as it is, so there is nothing to seal.
    pub seal_once: bool,
    /// When it expires unless a printer claims it.
    pub expires_at: Option<Timestamp>,
}

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// Its blob is in the blob store.
    BlobWritten,
    /// Its blob is not in the blob store any more, or its key not in the vault.
    BlobLost,
    /// Somebody takes it back; once the key is out, this only asks the printer to end it.
    Cancel {
        /// Who.
        by: Party,
    },
    /// Its own deadline has come.
    Expire,
    /// A printer asks for the key.
    Claim {
        /// Which one.
        printer: PrinterId,
        /// Fresh; with that of the lease in force it is the same claim again.
        nonce: Nonce,
        /// The lease it knows of, 0 for none: a claim that was under way while another one was answered is told apart by it.
        /// Any when absent.
        after: Option<u64>,
        /// When the lease ends unless a report renews it.
        lease_until: Timestamp,
    },
    /// A printer says how it goes.
    Report(Report),
    /// The lease has ended without a word.
    LeaseSilent,
    /// The store that it is in was restored from a backup, and does not know what became of it since.
    StoreRestored,
    /// A person says how an interrupted job went.
    Decide {
        /// How.
        outcome: Outcome,
        /// Who: the publisher or an operator.
        by: Party,
    },
}

/// What the store does beside saving the values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Seal the release anew under a key of this job, in the background.
    StartSealing,
    /// Tell the printer that a job waits.
    TellPrinter,
    /// Wrap the job's key for the printer and sign a manifest; in the same transaction as the values.
    ReleaseKey {
        /// For whom.
        printer: PrinterId,
        /// Number of the new lease.
        lease: u64,
        /// To repeat in the manifest.
        nonce: Nonce,
    },
    /// Ask the printer to end the print.
    AskToStop,
    /// The job needs its key and its own blob no more.
    DiscardKey,
}

/// A job after an event: values to save, things to do, lines for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The job.
    pub job: Job,
    /// Its licence.
    pub licence: Licence,
    /// What to do.
    pub effects: Vec<Effect>,
    /// What to write to the audit log.
    pub facts: Vec<Fact>,
    /// Nothing changed: this happened before. A repeated claim is answered again, under the lease it got.
    pub repeated: bool,
}

impl Job {
    /// How many report identifiers a job remembers.
    pub const REPORTS_KEPT: usize = 32;
    /// Where a message is cut.
    pub const MESSAGE_CHARS: usize = 500;
}
