//! The buying and printing routes of LMNT clients.

use serde::{Deserialize, Serialize};

/// `POST /api/purchase-model`. Fields that are not named here are not read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchaseModel {
    /// Account of the caller; checked where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Listing to buy.
    pub model_id: String,
    /// `pay-per-print`, the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_type: Option<String>,
}

/// Answer to [`PurchaseModel`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchasedModel {
    /// `purchased`, or `pending` until the seller says that the money arrived.
    pub status: String,
    /// Purchase id.
    pub purchase_id: String,
    /// As asked.
    pub model_id: String,
    /// `pay-per-print`.
    pub license_type: String,
    /// Prints bought.
    pub prints_allowed: u32,
    /// Prints counted.
    pub prints_used: u32,
}

/// `POST /api/prepare`. Files are sliced already, so this looks whether a print is left, and can send it at once.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Prepare {
    /// Account of the caller; checked where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Purchase to print from.
    pub purchase_id: String,
    /// Repeated in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print_profile_id: Option<String>,
    /// Whether to print now.
    #[serde(default)]
    pub print_immediately: bool,
    /// Printer to print on; the caller's only one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<String>,
}

/// Answer to [`Prepare`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Prepared {
    /// `completed`, or `printing` when it was sent to the printer.
    pub status: String,
    /// As asked.
    pub purchase_id: String,
    /// Where the printer fetches the sealed file; absent until it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcode_file_url: Option<String>,
    /// As asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print_profile_id: Option<String>,
    /// Always `0`.
    pub slicing_fee: String,
    /// Hours until a job that no printer claims expires.
    pub ttl_hours: u32,
    /// Job id, when it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print_job_id: Option<String>,
}

/// `POST /api/print`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Print {
    /// Account of the caller; checked where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Purchase to print from.
    pub purchase_id: String,
    /// Printer to print on; the caller's only one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<String>,
}

/// Answer to [`Print`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Printed {
    /// `queued`.
    pub status: String,
    /// As asked.
    pub purchase_id: String,
    /// Job id.
    pub print_job_id: String,
}
