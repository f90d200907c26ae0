//! The outbox of mails, for operators; and what leaving a store costs.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/mails`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Mails {
    /// Whom mails come from; the store sends none where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How many wait.
    pub waiting: u64,
    /// How many were given up in the last 30 days.
    pub dead: u64,
    /// The newest ones in the state that was asked for.
    pub mails: Vec<Mail>,
}

/// A mail, without what it says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Mail {
    /// Names it.
    pub id: String,
    /// What it is about, such as `password_reset`.
    pub kind: String,
    /// Where it goes.
    pub address: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What the mail server said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// RFC 3339.
    pub queued_at: String,
    /// When it is tried next, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
}

/// `GET /api/v1/me/leaving`: what deleting the account costs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Leaving {
    /// What has to end first: `jobs_printing`, `last_operator`.
    pub hindrances: Vec<String>,
    /// Licences that are lost.
    pub licences: u64,
    /// Prints that are left on them.
    pub prints_left: u64,
    /// Printers that are unpaired.
    pub printers: u64,
    /// Jobs that wait and are taken back.
    pub jobs: u64,
    /// Listings that are taken off sale; whoever bought them keeps them.
    pub listings: u64,
    /// Sales whose record stays with the store.
    pub sales: u64,
    /// Purchases whose record stays with the store.
    pub purchases: u64,
}
