//! What a publisher sees of the own listings: drafts, how often they were sold, vouchers without their codes.

use serde::{Deserialize, Serialize};

use crate::catalogue::Listing;

/// `/api/v1/me/seller`: what a seller says of themselves, in plain text; empty where they say nothing.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SellerPage {
    /// How to pay and reach them, for people who order and pay them directly; at most 1000 characters.
    #[serde(default)]
    pub how_to_pay: String,
    /// For everybody, on their page; at most 1000 characters.
    #[serde(default)]
    pub about: String,
}

/// `GET /api/v1/publishers/{id}`: somebody whose listings are shown.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Publisher {
    /// Account id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// What they say of themselves; empty where they say nothing.
    pub about: String,
}

/// One page of `GET /api/v1/me/listings`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OwnListingPage {
    /// Newest first.
    pub listings: Vec<OwnListing>,
    /// Value of `?after=` for the next page, absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A listing as its publisher sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OwnListing {
    /// The listing, drafts too; of manifests what the catalogue shows.
    pub listing: Listing,
    /// Purchases that were paid, by voucher and free ones too.
    pub sales: u64,
    /// Purchases that wait for their payment.
    pub waiting: u64,
    /// Vouchers that can still be used.
    pub vouchers: u64,
}

/// `GET /api/v1/vouchers`: the vouchers of a listing, newest first.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VoucherPage {
    /// Without their codes, of which the store has hashes only.
    pub vouchers: Vec<VoucherInfo>,
    /// Value of `?after=` for the next page, absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A voucher without its code.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VoucherInfo {
    /// Names it; pays for nothing.
    pub id: String,
    /// Listing it pays for.
    pub listing: String,
    /// What its publisher calls it.
    pub label: String,
    /// Last characters of its code; empty for vouchers that were made before these were kept.
    pub ends: String,
    /// Prints (devices, for plugins) one use grants.
    pub prints: u32,
    /// How often it could be used when it was made, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Uses left.
    pub uses_left: u32,
    /// `active`, `used_up`, `expired` or `disabled`.
    pub state: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}
