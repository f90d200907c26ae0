//! Purchases, licences and the devices of plugin licences.

use serde::{Deserialize, Serialize};

use crate::catalogue::Price;
use crate::chain::ChainPayment;

/// `POST /api/v1/purchases`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchaseRequest {
    /// Listing to buy; a plugin's id will do.
    pub listing: String,
    /// How it is paid.
    pub payment: Payment,
    /// For plugins: the first device. It is registered as soon as the purchase is paid, and where that is at once, the answer
    /// holds its envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// A note to the seller, plain text of at most 500 characters, such as whose account the money comes from. Payments on chain
    /// have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl PurchaseRequest {
    /// Without a device and without a note.
    pub fn new(listing: impl Into<String>, payment: Payment) -> Self {
        Self { listing: listing.into(), payment, recipient: None, note: None }
    }
}

/// `POST /api/v1/purchases/{id}/decline`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Decline {
    /// A sentence that the buyer reads, plain text of at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A device's public key, for which content keys are wrapped.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Recipient {
    /// `secp256k1`, `p256`, `p384`, `x25519` or `ed25519`.
    pub curve: String,
    /// The key in hex: SEC1, compressed or not, or 32 bytes.
    #[serde(alias = "publicKey")]
    pub public_key: String,
    /// Which key of the wallet it is (0 to 2147483647), so that a restored wallet finds it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// What its owner calls it, such as `laptop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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
    /// A payment provider will say so; the answer says where to pay, and there is no licence before.
    External {
        /// One of `GET /api/v1/listings/{id}/payment`; the first where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// A voucher's code.
    Voucher {
        /// What the seller handed out.
        code: String,
    },
    /// A transaction of the marketplace's contract.
    Chain {
        /// `0x` and 64 hex digits.
        #[serde(alias = "txHash")]
        tx_hash: String,
    },
}

/// Answer to a purchase. `licence` is absent while the payment is pending.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchaseResponse {
    /// The purchase.
    pub purchase: Purchase,
    /// What was bought, once paid.
    pub licence: Option<Licence>,
    /// The device that came with the purchase of a plugin, once paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The plugin's content key, wrapped for that device. Later it is in the licence's bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub envelope: Option<serde_json::Value>,
    /// CID of the sealed blob that the envelope opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
    /// Where to pay, while an external payment is pending and there is an address for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_url: Option<String>,
    /// How the seller is paid and reached, in their words, while an order waits and there is no address to pay at; absent where
    /// they wrote nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how_to_pay: Option<String>,
    /// What the seller is called, where one purchase is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_name: Option<String>,
    /// How far the payment is, for purchases on chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<ChainPayment>,
}

/// How a licence was paid for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Purchase {
    /// Purchase id.
    pub id: String,
    /// Listing bought.
    pub listing: String,
    /// `free`, `voucher`, `marked_paid`, `webhook` (external) or `chain`.
    pub method: String,
    /// `pending`, `paid`, `undone` (the chain took the payment back, and it may return), `refunded`, `failed`, `cancelled` (the
    /// buyer called it off) or `declined` (the seller did not take it).
    pub state: String,
    /// `gcode` or `plugin`.
    #[serde(default = "gcode")]
    pub kind: String,
    /// The listing's title, where purchases are listed or looked at.
    #[serde(default)]
    pub title: String,
    /// What it costs; free where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The licence, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What the buyer wrote to the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the seller said when they declined it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
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
    /// `gcode` (counts prints) or `plugin` (counts devices; the numbers of prints are then 0).
    #[serde(default = "gcode")]
    pub kind: String,
    /// RFC 3339; for ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Newest version it covers; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<String>,
    /// The plugin's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_id: Option<String>,
    /// Ed25519 key (32 bytes, lower hex) that signed the publisher's releases when it was bought: check every release by this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_key: Option<String>,
    /// Account id of its holder, for the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Devices bought; for plugins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices_allowed: Option<u32>,
    /// Devices registered, oldest first; for plugins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<Device>>,
    /// The publisher's name, for the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_name: Option<String>,
    /// The version that it gives now, for the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// Path of a small picture on this store, for the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// When it was bought, RFC 3339.
    #[serde(default)]
    pub created_at: String,
}

/// A device that a plugin licence counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Device {
    /// Device id.
    pub id: String,
    /// Curve of its key.
    pub curve: String,
    /// Its key, lower hex: SEC1 compressed, or 32 bytes.
    pub public_key: String,
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which key of the wallet it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// RFC 3339.
    pub created_at: String,
}

/// Answer to `POST /api/v1/licences/{id}/devices`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeviceResponse {
    /// The device: the same one for the same key.
    pub device: Device,
    /// The content key of the newest release that the licence covers, wrapped for the device.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub envelope: serde_json::Value,
    /// CID of the sealed blob that the envelope opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
}

/// `GET /api/v1/licences`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LicenceList {
    /// Newest first.
    pub licences: Vec<Licence>,
    /// Value of `?after=` for the next page; with `?listing=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

fn gcode() -> String {
    "gcode".to_owned()
}
