//! The audit log, as it is read.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/audit`: one page, the newest entries first.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditLog {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// Something that was done. It never holds a secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Counts up.
    pub id: i64,
    /// When, RFC 3339.
    pub at: String,
    /// Who: `user:<id>`, `printer:<id>`, `system` or `anonymous`.
    pub actor: String,
    /// What was done, such as `printer.paired`.
    pub action: String,
    /// What it was done to, such as `printer:<id>`.
    pub subject: String,
    /// More of it, by action.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub details: serde_json::Value,
}
