//! Purchases and licences.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/purchases`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchaseRequest {
    /// Listing to buy.
    pub listing: String,
    /// How it is paid.
    pub payment: Payment,
}

/// How a purchase is paid.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Payment {
    /// The listing has no price.
    Free,
    /// The seller will say when the money arrived; no licence before.
    MarkedPaid,
    /// A voucher's code.
    Voucher {
        /// What the seller handed out.
        code: String,
    },
}

/// Answer to a purchase. `licence` is absent while the payment is pending.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchaseResponse {
    /// The purchase.
    pub purchase: Purchase,
    /// What was bought, once paid.
    pub licence: Option<Licence>,
}

/// How a licence was paid for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Purchase {
    /// Purchase id.
    pub id: String,
    /// Listing bought.
    pub listing: String,
    /// `free`, `voucher` or `marked_paid`.
    pub method: String,
    /// `pending`, `paid`, `refunded` or `failed`.
    pub state: String,
    /// RFC 3339.
    pub created_at: String,
}

/// `GET /api/v1/purchases`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchaseList {
    /// Newest first.
    pub purchases: Vec<Purchase>,
    /// Value of `?after=` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a buyer may do.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Licence {
    /// Licence id.
    pub id: String,
    /// Listing it is for.
    pub listing: String,
    /// Listing's title.
    pub title: String,
    /// Purchase that paid for it.
    pub purchase: String,
    /// `active`, `suspended` or `revoked`.
    pub state: String,
    /// Prints bought.
    pub prints_allowed: u32,
    /// Prints counted.
    pub prints_used: u32,
    /// Prints held by jobs that have not ended.
    pub prints_reserved: u32,
}

/// `GET /api/v1/licences`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LicenceList {
    /// Newest first.
    pub licences: Vec<Licence>,
}
