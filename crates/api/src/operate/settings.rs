//! What operators set.

use serde::{Deserialize, Serialize};

use super::Registration;

/// How often something may be done: so often at once, then once in every so many milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pace {
    /// At once; at least 1.
    pub burst: u32,
    /// Milliseconds until one more is allowed; at least 1.
    pub every_ms: u32,
}

/// What operators set while the store runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreSettings {
    /// What the store is called: 1 to 60 characters on one line.
    pub name: String,
    /// Who may make an account.
    pub registration: Registration,
    /// The currency that forms begin with; none where empty.
    pub currency: String,
    /// The store's share of new sales that are not paid on chain, in basis points: 0 to 5000.
    pub fee_bps: u16,
    /// How to reach whoever runs it; none where empty.
    pub contact: String,
    /// What buyers and sellers agree to; none where empty.
    pub terms: String,
    /// Largest upload, bytes; at most what the settings file allows.
    pub upload_bytes: u64,
    /// Sealed bytes that one seller's releases may take; no limit where 0.
    pub storage_bytes: u64,
    /// Listings that one seller may have; no limit where 0.
    pub listings: u32,
    /// Jobs of one person that have not ended; no limit where 0.
    pub open_jobs: u32,
    /// How often people may do what.
    pub rates: StoreRates,
}

/// How often people may do what. Each process of a store counts for itself.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreRates {
    /// New accounts from one address.
    pub sign_up: Pace,
    /// Wrong passwords for one account from one address.
    pub sign_in: Pace,
    /// Purchases of one person.
    pub purchase: Pace,
    /// Wrong voucher codes of one person.
    pub voucher: Pace,
    /// Devices registered, and bundles fetched, by one person.
    pub device: Pace,
    /// Uploads of one person.
    pub upload: Pace,
    /// Jobs that one person makes.
    pub job: Pace,
    /// Listings that one person reports.
    pub report: Pace,
}

/// `PATCH /api/v1/operator/settings`: what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the fields are those of `StoreSettings`")]
pub struct SettingsChanges {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_bps: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listings: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_jobs: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<StoreRates>,
}

/// `GET /api/v1/operator/settings`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SettingsAnswer {
    /// Those in force.
    pub settings: StoreSettings,
    /// Those of the settings file and the program, in force where nobody set others.
    pub defaults: StoreSettings,
    /// The share that the contract takes of sales on chain, in basis points; absent where none is sold on or it cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_fee_bps: Option<u16>,
}
