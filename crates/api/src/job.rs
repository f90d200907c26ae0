//! Jobs as buyers, sellers and owners of printers see them.

use sealpost_market::JobState;
use serde::{Deserialize, Serialize};

/// `POST /api/v1/jobs`: one print on one printer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewJob {
    /// Licence to print from.
    pub licence: String,
    /// Printer of the caller's.
    pub printer: String,
    /// Release to print; the newest active one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

/// One job.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Job {
    /// Job id.
    pub id: String,
    /// Where it stands.
    pub state: JobState,
    /// Listing's title.
    pub title: String,
    /// Listing id.
    pub listing: String,
    /// Release id.
    pub release: String,
    /// Licence it counts on.
    pub licence: String,
    /// Printer id.
    pub printer: String,
    /// Printer's name.
    pub printer_name: String,
    /// Latest message of the printer or the reason of the end.
    pub message: Option<String>,
    /// Progress as the printer last said, thousandths.
    pub progress_permille: u32,
    /// Layer as the printer last said.
    pub layer: Option<u32>,
    /// Filament used, hundredths of a millimetre.
    pub filament_used_mm_x100: Option<u64>,
    /// Printing time, seconds.
    pub print_duration_s: Option<u64>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
}

/// One page of jobs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// Value of `?after=` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /api/v1/jobs/{id}/resolve`: a person decides how an interrupted job ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ResolveRequest {
    /// `success`, `failure` or `cancelled`.
    pub outcome: String,
    /// Why, for the buyer and the audit log.
    #[serde(default)]
    pub message: String,
}
