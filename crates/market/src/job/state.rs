//! Where a job stands.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{LmntOutcome, UnknownStatus};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum JobState {
    /// Its blob is being written.
    Sealing,
    /// It waits for its printer.
    ReadyToPrint,
    /// The printer has the key and prepares.
    Processing,
    /// It prints.
    Printing,
    /// It pauses.
    Paused,
    /// It was printed. Final.
    Success,
    /// It went wrong. Final.
    Failure,
    /// Somebody ended it. Final.
    Cancelled,
    /// No printer claimed it in time. Final.
    Expired,
    /// The key is out and nobody knows how it goes; its print stays reserved.
    Interrupted,
}

/// How a print ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Outcome {
    /// The part is there.
    Success,
    /// It went wrong.
    Failure,
    /// Somebody ended it.
    Cancelled,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 10] = [
        Self::Sealing,
        Self::ReadyToPrint,
        Self::Processing,
        Self::Printing,
        Self::Paused,
        Self::Success,
        Self::Failure,
        Self::Cancelled,
        Self::Expired,
        Self::Interrupted,
    ];

    /// Its name, as it travels and is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::ReadyToPrint => "ready_to_print",
            Self::Processing => "processing",
            Self::Printing => "printing",
            Self::Paused => "paused",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Cancelled | Self::Expired)
    }

    /// Whether a printer works on it, as far as the store knows.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, Self::Processing | Self::Printing | Self::Paused)
    }

    /// How it reads to LMNT clients, which know success and failure only; `None` while it is under way.
    #[must_use]
    pub fn lmnt_outcome(self) -> Option<LmntOutcome> {
        let failure = |reason| Some(LmntOutcome { outcome: "failure", reason: Some(reason) });
        match self {
            Self::Success => Some(LmntOutcome { outcome: "success", reason: None }),
            Self::Failure => Some(LmntOutcome { outcome: "failure", reason: None }),
            Self::Cancelled => failure("The print was cancelled."),
            Self::Expired => failure("No printer claimed the job in time."),
            Self::Interrupted => failure("The printer fell silent; the outcome is not known."),
            Self::Sealing | Self::ReadyToPrint | Self::Processing | Self::Printing | Self::Paused => None,
        }
    }
}

impl FromStr for JobState {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownStatus)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Outcome> for JobState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Success,
            Outcome::Failure => Self::Failure,
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}
