//! What printers say about a job.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::{PrinterId, ReportId, Timestamp};

/// A status nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a status is one of processing, starting, printing, paused, success, failure, cancelled, interrupted"
)]
pub struct UnknownStatus;

/// One report about a job, accepted once by its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Made by the sender; LMNT clients send none.
    pub id: Option<ReportId>,
    /// Who reports, by its token.
    pub printer: PrinterId,
    /// Number of the lease it speaks for; the current one when absent (LMNT clients).
    pub lease: Option<u64>,
    /// What it says.
    pub status: ReportStatus,
    /// For people.
    pub message: Option<String>,
    /// When the lease ends unless another report renews it.
    pub lease_until: Timestamp,
}

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportStatus {
    /// Downloading, checking, opening.
    Processing,
    /// The start command is about to be sent.
    Starting,
    /// It prints.
    Printing,
    /// It pauses.
    Paused,
    /// It was printed.
    Success,
    /// It went wrong.
    Failure,
    /// Somebody ended it at the printer.
    Cancelled,
    /// The agent cannot tell what became of it.
    Interrupted,
}

/// How a job reads to clients of `report-print-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LmntOutcome {
    /// `success` or `failure`.
    pub outcome: &'static str,
    /// Why, where `failure` alone would mislead.
    pub reason: Option<&'static str>,
}

impl ReportStatus {
    /// Its name, as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Starting => "starting",
            Self::Printing => "printing",
            Self::Paused => "paused",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// How the print ended, if it did.
    #[must_use]
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Success => Some(Outcome::Success),
            Self::Failure => Some(Outcome::Failure),
            Self::Cancelled => Some(Outcome::Cancelled),
            _ => None,
        }
    }
}

/// Reads our own words and those of LMNT clients (`completed`, `failed`, `error` too).
impl FromStr for ReportStatus {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Ok(match text {
            "processing" => Self::Processing,
            "starting" => Self::Starting,
            "printing" => Self::Printing,
            "paused" => Self::Paused,
            "success" | "completed" | "complete" => Self::Success,
            "failure" | "failed" | "error" => Self::Failure,
            "cancelled" | "canceled" => Self::Cancelled,
            "interrupted" | "unknown" => Self::Interrupted,
            _ => return Err(UnknownStatus),
        })
    }
}
