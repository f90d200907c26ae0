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
    /// Layers in all, as the slicer wrote them.
    #[serde(default)]
    pub layers: Option<u32>,
    /// The slicer's estimate, seconds.
    #[serde(default)]
    pub estimated_s: Option<u64>,
    /// What is left while it prints or pauses, seconds.
    #[serde(default)]
    pub remaining_s: Option<u64>,
    /// Path of its picture on this store.
    #[serde(default)]
    pub picture: Option<String>,
    /// Why it did not end well, or stands still.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// As what the caller sees it.
    #[serde(default)]
    pub role: JobRole,
    /// Whether the caller may take it back, or ask the printer to stop.
    #[serde(default)]
    pub may_cancel: bool,
    /// Whether the caller may say how it ended.
    #[serde(default)]
    pub may_resolve: bool,
    /// Whether the printer was asked to stop, and has not said that it did.
    #[serde(default)]
    pub cancel_requested: bool,
    /// Whether its print was given back after its key was released.
    #[serde(default)]
    pub free_retry: bool,
    /// When it expires unless its printer claims it, while it waits; RFC 3339.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// When its printer began, RFC 3339.
    #[serde(default)]
    pub started_at: Option<String>,
    /// When it came to its end, RFC 3339.
    #[serde(default)]
    pub ended_at: Option<String>,
    /// Counts up with every change: of two views of a job, the one with the higher number is the newer.
    #[serde(default)]
    pub revision: u64,
}

/// Why a job did not end well, or stands still.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reason {
    /// Stable, such as `printer_silent`.
    pub code: String,
    /// For people.
    pub sentence: String,
    /// What to do.
    pub hint: String,
}

/// As what somebody sees a job.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum JobRole {
    /// Bought it, and prints it.
    #[default]
    Buyer,
    /// Runs the store.
    Operator,
    /// Sells it.
    Publisher,
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

/// What happened to a job (`GET /api/v1/jobs/{id}/timeline`), oldest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Timeline {
    /// Steps of its life.
    pub steps: Vec<Step>,
}

/// One step of a job's life.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Step {
    /// RFC 3339.
    pub at: String,
    /// `created`, `sealed`, `sealed_anew`, `key_released`, `processing`, `starting`, `printing`, `paused`, `stop_asked`, `interrupted`,
    /// `decided`, or how it ended: `success`, `failure`, `cancelled`, `expired`.
    pub what: String,
    /// Who: `buyer`, `publisher`, `operator`, `printer` or `store`.
    pub by: String,
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
