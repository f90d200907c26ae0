//! Plugins as their documents name things: bundles, and the marketplace's purchase. JSON is in camelCase here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `GET /api/v1/licences/{id}/bundle`: everything that opens a plugin but its sealed blob, which is at `blobUrl`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PluginBundle {
    /// The plugin's id.
    pub plugin_id: String,
    /// Version of the release.
    pub version: String,
    /// The manifest, as it was published.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub manifest: Map<String, Value>,
    /// CID of the sealed blob, where the signature covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
    /// Lower-hex SHA-256 of the plugin as it is opened.
    pub wasm_hash: String,
    /// Empty: a store wraps for devices.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub domain_wrapped_keys: Vec<String>,
    /// The one envelope for the device.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Object>))]
    pub buyer_wrapped_keys: Vec<Value>,
    /// Ed25519 key that signed the release; lower hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Its signature; lower hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Path of the sealed blob on this store.
    pub blob_url: String,
    /// Lower-hex SHA-256 of the sealed blob.
    pub blob_sha256: String,
    /// Its size, bytes.
    pub blob_size: u64,
    /// Licence it belongs to.
    pub licence: String,
    /// Device the envelope is for.
    pub device: String,
    /// Release id.
    pub release: String,
}

/// `POST /api/marketplace/purchase`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MarketplacePurchase {
    /// The buyer's public key in hex.
    pub buyer_pubkey: String,
    /// Plugin to buy.
    pub plugin_id: String,
    /// Curve of the key: `secp256k1` (default), `p256`, `p384`, `x25519` or `ed25519`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
    /// A voucher's code, for plugins that cost something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<String>,
    /// Transaction of the marketplace's contract that paid, for stores that sell on a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<String>,
    /// Version to give; where absent the one that the transaction paid for, and without a transaction the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Which key of the wallet it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// What the buyer calls the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Answer to `POST /api/marketplace/purchase`; the same licence when the same key asks again.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MarketplacePurchased {
    /// The plugin's content key, wrapped for the buyer's key.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub envelope: Value,
    /// CID of the sealed blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
    /// Licence id.
    pub licence: String,
    /// Device id.
    pub device: String,
    /// Version of the release.
    pub version: String,
    /// The manifest, as it was published.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub manifest: Map<String, Value>,
    /// Lower-hex SHA-256 of the plugin as it is opened.
    pub wasm_hash: String,
    /// Path of the sealed blob on this store.
    pub blob_url: String,
    /// Ed25519 key that signed the release; lower hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Its signature; lower hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// All of it as a bundle, ready to be opened.
    pub bundle: PluginBundle,
}
