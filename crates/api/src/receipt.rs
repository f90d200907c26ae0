//! Receipts.

use serde::{Deserialize, Serialize};

use crate::catalogue::Price;

/// `GET /api/v1/purchases/{id}/receipt`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedReceipt {
    /// What it says.
    pub receipt: Receipt,
    /// The same, as a compact JWS of type `sealpost-receipt+jws`: anybody can check it by `/.well-known/jwks.json`.
    pub jws: String,
}

/// What was paid to whom for what.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// Of its shape: 1.
    pub v: u32,
    /// Origin of the store.
    pub iss: String,
    /// When this copy was signed, Unix seconds.
    pub iat: u64,
    /// Number of the receipt: the same for every copy.
    pub number: String,
    /// When it was paid, RFC 3339.
    pub date: String,
    /// `paid` or `refunded`.
    pub state: String,
    /// When it was paid back, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_at: Option<String>,
    /// Who sold it.
    pub seller: ReceiptParty,
    /// Who bought it.
    pub buyer: ReceiptParty,
    /// What was bought.
    pub item: ReceiptItem,
    /// What it cost; free where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// `free`, `voucher`, `marked_paid`, `webhook` or `chain`.
    pub method: String,
    /// What the payment is called where it was made; of a payment on chain its transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Seller or buyer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReceiptParty {
    /// Account id.
    pub id: String,
    /// What they call themselves; absent for a wallet without an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What was bought.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReceiptItem {
    /// Purchase id.
    pub purchase: String,
    /// Licence id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// Newest version when it was bought; absent where all versions are covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Prints, or devices of a plugin.
    pub quantity: u32,
}
