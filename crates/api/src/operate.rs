//! What runs a store: its public facts, people, settings, reports, health.

mod health;
mod listings;
mod people;
mod settings;

use serde::{Deserialize, Serialize};

pub use health::{BackupMade, BackupState, Check, Condition, ConfirmKeys, Health, KeyFile};
pub use listings::{
    CloseReport, ListingReport, NewReport, OperatorListing, OperatorListingPage, ReportPage, Reported,
    Suspend, Suspension,
};
pub use people::{
    Invitation, InvitationList, MadeInvitation, NewInvitation, PeoplePage, Person, PersonChanges,
    SuspendPerson,
};
pub use settings::{Pace, SettingsAnswer, SettingsChanges, StoreRates, StoreSettings};

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Registration {
    /// Anybody.
    #[default]
    Open,
    /// Whoever has an invitation of an operator.
    Invited,
    /// Nobody.
    Closed,
}

/// `GET /api/v1/store`: what everybody may know of a store. A page asks it once, when it starts.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreFacts {
    /// What the store is called; plain text.
    pub name: String,
    /// Whether nobody runs it yet: the link that the program printed makes the first operator.
    pub first_run: bool,
    /// Who may make an account.
    pub registration: Registration,
    /// Whether it sends mails.
    pub mail: bool,
    /// Whether people can sign in by passkey at its address.
    pub passkeys: bool,
    /// Whether people can sign in by a wallet of a chain.
    pub wallet_sign_in: bool,
    /// The chain that it sells on; `GET /api/v1/chain` tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<StoreChain>,
    /// The store's share of new sales that are not paid on chain, in basis points (hundredths of a percent).
    pub fee_bps: u16,
    /// The currency that forms begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Largest upload, bytes.
    pub max_upload_bytes: u64,
    /// How to reach whoever runs it; plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// What buyers and sellers agree to; plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// Version of the program.
    pub version: String,
}

/// A chain, in short.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreChain {
    /// Number of the chain (EIP-155).
    pub chain_id: u64,
    /// Its name, where it is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `GET /api/v1/operator/overview`: what needs an operator.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Overview {
    /// Checks that are not ok, the worst first.
    pub warnings: Vec<Check>,
    /// Reports of listings that nobody has closed.
    pub open_reports: u64,
    /// Jobs of which nobody knows how they went.
    pub interrupted_jobs: u64,
    /// Accounts.
    pub people: u64,
    /// Listings that are sold.
    pub listings: u64,
    /// Printers that are paired.
    pub printers: u64,
    /// Purchases that were paid in the last thirty days.
    pub sales: u64,
    /// Jobs that ended in success in the last thirty days.
    pub prints: u64,
    /// What sellers owe the store for those sales, by currency.
    pub fees: Vec<crate::catalogue::Price>,
}

/// `GET /api/v1/operator/audit`: one page of the audit log, the newest entries first.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<crate::audit::AuditEntry>,
    /// Names of what the entries are by and about, by `user:<id>`, `account:<id>`, `listing:<id>`, `printer:<id>`.
    pub names: std::collections::BTreeMap<String, String>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}
