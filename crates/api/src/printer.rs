//! What a printer's agent says: polling, claiming, reporting.

use sealpost_market::JobState;
use serde::{Deserialize, Serialize};

/// A job that waits for its printer; holds no key.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobOffer {
    /// Job id.
    pub print_job_id: String,
    /// Where it stands; `processing` when this printer claimed it before and has not started it.
    pub status: JobState,
    /// Title for people.
    pub title: String,
    /// Size of the sealed blob, bytes.
    pub blob_size: u64,
    /// RFC 3339.
    pub created_at: String,
    /// Number of the lease in force, 0 before the first claim: what the next claim follows.
    #[serde(default)]
    pub lease: u64,
}

/// Answer to a poll by a Sealpost agent (`sealpost-agent: 1`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Poll {
    /// Oldest first.
    pub jobs: Vec<JobOffer>,
    /// Jobs of this printer that someone asked to stop.
    #[serde(default)]
    pub cancel_requested: Vec<String>,
    /// Version of the newest key set (`GET /api/v1/keys`).
    #[serde(default)]
    pub key_set_version: u64,
}

/// `POST /api/v1/jobs/{id}/claim`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClaimRequest {
    /// Fresh for this claim, 16 to 64 characters of `[a-z0-9_-]`; the manifest repeats it, so that an old answer cannot be played
    /// again. A poll by an LMNT client claims with one of the store's own.
    ///
    /// The store makes one where it is absent.
    #[serde(default)]
    pub nonce: String,
    /// `lease` of the job as it was listed. A claim that arrives after another one is refused with `lease_moved` and changes nothing;
    /// without this it takes the lease from the other one. With the nonce of the lease in force it is answered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A claimed job with everything a printer needs: the answer to a claim, and what an LMNT client's poll gets.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClaimedJob {
    /// Job id.
    pub print_job_id: String,
    /// Purchase behind it.
    pub purchase_id: String,
    /// Always `processing` here.
    pub status: JobState,
    /// Title for people.
    pub title: String,
    /// Where the sealed blob is: always this store's own origin.
    pub encrypted_gcode_download_url: String,
    /// Key package: `b64(ephemeral):b64(nonce):b64(box)`.
    pub gcode_dek_package: String,
    /// The same package under the name that deployed printers read.
    pub gcode_dek_encrypted_hex: String,
    /// IV of `aes-256-cbc`; absent for `age`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcode_iv_hex: Option<String>,
    /// Content cipher; the manifest says it again, signed.
    pub cipher: String,
    /// Signed job manifest (compact JWS).
    pub job_manifest: String,
    /// Lease number: reports carry it.
    pub lease: u64,
    /// Seconds of silence after which the job counts as interrupted.
    pub lease_seconds: u64,
    /// Owner of the printer.
    pub user_account_id: String,
    /// Lower-hex SHA-256 of the printer's key.
    pub printer_kek_id: String,
    /// RFC 3339.
    pub created_at: String,
}

/// `GET /api/v1/keys`: the store's key set, signed by its root key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedKeySet {
    /// Compact JWS.
    pub key_set: String,
}

/// A key that an operator may replace; printers pin the root, so it is not among them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RotatedKey {
    /// Signs job manifests.
    Jobs,
    /// Signs tokens.
    Tokens,
}

/// `POST /api/v1/keys/rotate` (operators); the answer is the new [`SignedKeySet`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RotateKey {
    /// Which one.
    pub key: RotatedKey,
    /// Whether somebody else may have the old one: then nothing it signed counts any more. Otherwise what it signed lives on to
    /// its own end.
    #[serde(default)]
    pub lost: bool,
}

/// `POST /api/v1/jobs/{id}/reports`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report {
    /// Id of this report: one that was accepted is answered again, not applied again.
    pub report_id: String,
    /// Lease the agent holds.
    pub lease: u64,
    /// What happened.
    pub status: ReportStatus,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Progress, thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_permille: Option<u32>,
    /// Current layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Measured so far.
    #[serde(flatten)]
    pub statistics: Statistics,
}

/// What a printer measured, as Moonraker gives it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// Millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filament_used: Option<f64>,
    /// Seconds of printing, pauses not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print_duration: Option<f64>,
    /// Seconds from start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_duration: Option<f64>,
}

/// What a report says.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReportStatus {
    /// Stopped before the end.
    Cancelled,
    /// Ended badly.
    Failure,
    /// Cannot tell how it ended.
    Interrupted,
    /// Paused.
    Paused,
    /// Being printed; also the sign of life.
    Printing,
    /// Being fetched and opened; also the sign of life before the start.
    Processing,
    /// About to start: durable on the printer before the start command is sent.
    Starting,
    /// Ended well.
    Success,
}

/// Answer to a report.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reported {
    /// Job id.
    pub print_job_id: String,
    /// Where the job stands now.
    pub state: JobState,
    /// Whether someone asked to stop it.
    #[serde(default)]
    pub cancel_requested: bool,
}

/// `POST /api/report-print-status`, as LMNT documents it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LegacyReport {
    /// Job id.
    pub print_job_id: String,
    /// `success` or `failure`.
    pub status: String,
    /// Reason of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Answer to [`LegacyReport`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LegacyReported {
    /// `Reported`.
    pub status: String,
    /// `success` or `failure`.
    pub outcome: String,
    /// The same under the older name.
    pub print_outcome: String,
    /// Why it reads as a failure that nobody reported as one: it was cancelled, or its outcome is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Job id.
    pub print_job_id: String,
    /// Purchase id.
    pub purchase_id: String,
}

/// `POST /api/printer-agent/1.0.0/job-status/{id}`, as deployed printers send it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LegacyJobStatus {
    /// `processing`, `printing`, `paused`, `success` or `failure`.
    pub status: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Measured so far.
    #[serde(flatten)]
    pub statistics: Statistics,
}
