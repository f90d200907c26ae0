//! How a store is, and what is known of its backups.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/operator/backup`: whether what would be lost is somewhere else too.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BackupState {
    /// The last backup that was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<BackupMade>,
    /// Earlier ones, the newest first.
    pub earlier: Vec<BackupMade>,
    /// Files without which a backup of the database opens nothing.
    pub key_files: Vec<KeyFile>,
    /// How well that is.
    pub health: Check,
}

/// A backup that was completed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BackupMade {
    /// RFC 3339.
    pub at: String,
    /// Where it lies, as it was named on the machine that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Size of the sealed file, bytes; absent where it was sent on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether it was read back whole and opened.
    pub verified: bool,
    /// Rows of all tables.
    pub rows: u64,
    /// Sealed files.
    pub blobs: u64,
    /// Sealed files that were gone or damaged.
    pub missing: u64,
}

/// A file of keys.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyFile {
    /// Where it lies on the store's machine.
    pub path: String,
    /// Names the key in force in it; no secret.
    pub key: String,
    /// When an operator said that this key is backed up, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<String>,
}

/// `POST /api/v1/operator/backup/keys`: an operator says that a file of keys lies somewhere else too.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConfirmKeys {
    /// `key` of the file, as it was shown.
    pub key: String,
}

/// How well something is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Condition {
    /// As it should be.
    Ok,
    /// Somebody should look.
    Warn,
    /// Something does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Check {
    /// Stable name, such as `database`.
    pub name: String,
    /// How well it is.
    pub state: Condition,
    /// What was seen.
    pub sentence: String,
    /// What to do about it; empty where nothing is to be done.
    pub hint: String,
}

/// `GET /api/v1/operator/health`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Health {
    /// The worst of all checks.
    pub state: Condition,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Figures: jobs by state, printers online, bytes.
    pub figures: std::collections::BTreeMap<String, u64>,
    /// Version of the program that answered.
    pub version: String,
    /// Seconds since that process began.
    pub uptime_s: u64,
    /// RFC 3339.
    pub at: String,
}
