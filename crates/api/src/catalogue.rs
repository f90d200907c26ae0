//! Listings, releases, vouchers and the vault's public key.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A price in minor units; amounts are text because wei do not fit 64 bits.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Price {
    /// Whole number of minor units (cents, wei), in decimal.
    pub amount: String,
    /// ISO 4217 code or token symbol.
    pub currency: String,
}

/// `POST /api/v1/listings`: what is offered.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewListing {
    /// Id to use (`[a-z0-9_-]{1,64}`); made by the store where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Title people see.
    pub title: String,
    /// Longer text people see; plain text.
    #[serde(default)]
    pub description: String,
    /// Price of one purchase; free where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Prints that one purchase grants (default 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prints: Option<u32>,
    /// Failed prints that are given back to the buyer (default 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_retries: Option<u32>,
    /// Print the release's blob as it is, with one new key package a job, instead of sealing anew for each job.
    #[serde(default)]
    pub seal_once: bool,
    /// Holders of a licence may use later versions too (default true).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_updates: Option<bool>,
    /// Days a licence lasts; for ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
    /// `gcode` (default) or `plugin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What plugins have besides; required for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginTerms>,
    /// `listed` (default), `unlisted`, or `draft`: seen by its publisher alone until it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What the listing of a plugin has besides.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PluginTerms {
    /// The publisher's name for the plugin, such as `org.example.viewer`: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, unique in the store.
    /// It is part of what wraps its keys, and serves wherever a listing's id does.
    pub plugin_id: String,
    /// Devices that one purchase grants (default 1).
    #[serde(default = "one")]
    pub devices: u32,
    /// Ed25519 key (32 bytes, lower hex) that every release must be signed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_key: Option<String>,
}

/// `PATCH /api/v1/listings/{id}`: what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListingChanges {
    /// Title people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Price of later purchases; an amount of `0` makes it free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// `listed`, `unlisted` or (operators) `suspended`. A draft that leaves that state is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Prints (devices, for plugins) that later purchases grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prints: Option<u32>,
    /// Failed prints that later buyers get back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_retries: Option<u32>,
    /// Whether the blob is printed as it is, for later purchases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal_once: Option<bool>,
    /// Whether later buyers may use later versions too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_updates: Option<bool>,
    /// Days that later licences last; `0` is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
    /// For plugins: the Ed25519 key (32 bytes, lower hex) that later releases must be signed by. Those who bought keep the key that was
    /// there when they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_key: Option<String>,
}

/// One listing.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Listing {
    /// Listing id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// `listed`, `unlisted`, `suspended` or, for its publisher, `draft`.
    pub state: String,
    /// Publisher's account id.
    pub publisher: String,
    /// Publisher's name.
    pub publisher_name: String,
    /// Price of one purchase; free where absent.
    pub price: Option<Price>,
    /// Address that is paid when it is bought on chain; not sold there where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<String>,
    /// With `payout`: whether its price can be paid on chain, in the coin or a token that the store takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_chain: Option<bool>,
    /// Prints (devices, for plugins) that one purchase grants.
    pub prints: u32,
    /// Failed prints given back.
    pub free_retries: u32,
    /// Whether the release's blob is printed as it is.
    pub seal_once: bool,
    /// Whether holders of a licence may use later versions too.
    #[serde(default = "yes")]
    pub free_updates: bool,
    /// Days a licence lasts; for ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
    /// What plugins have besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginTerms>,
    /// RFC 3339.
    pub created_at: String,
    /// Pictures, in the publisher's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
    /// What buyers say of it; absent while nobody reviewed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// Releases, newest first.
    pub releases: Vec<Release>,
}

/// A picture of a listing, as the store painted it anew: a JPEG.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Picture {
    /// Picture id.
    pub id: String,
    /// What it shows, as its publisher says; may be empty.
    pub alt: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Path on this store: at most 1600 pixels on a side.
    pub url: String,
    /// Path on this store: at most 480 pixels on a side.
    pub small_url: String,
}

/// `PUT /api/v1/listings/{id}/pictures`: all pictures of the listing, in their new order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PictureOrder {
    /// Each of them once.
    pub pictures: Vec<PlacedPicture>,
}

/// One picture in its place.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PlacedPicture {
    /// Picture id.
    pub id: String,
    /// What it shows; as it was where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

/// The pictures of a listing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PictureList {
    /// In order.
    pub pictures: Vec<Picture>,
}

/// What buyers say of a listing together.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rating {
    /// Mean of their stars in hundredths: `450` is four and a half.
    pub average_x100: u32,
    /// How many reviews.
    pub count: u32,
}

/// `GET /api/v1/catalogue`: what listings differ in, and how many there are of each, most first.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Facets {
    /// `gcode`, `plugin`.
    pub kinds: Vec<Facet>,
    /// What G-code prints with, lower case.
    pub materials: Vec<Facet>,
    /// Currencies of prices.
    pub currencies: Vec<Facet>,
    /// How many cost nothing.
    pub free: u64,
}

/// One value, and how many listings have it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Facet {
    /// The value.
    pub name: String,
    /// Listings.
    pub count: u64,
}

/// One version of a listing's file. What it holds was read from the file itself when it was sealed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Release {
    /// Release id.
    pub id: String,
    /// Listing it belongs to.
    pub listing: String,
    /// Version text, unique in the listing.
    pub version: String,
    /// `active` or `yanked`.
    pub state: String,
    /// Content cipher of the stored blob.
    pub cipher: String,
    /// Size of the file as it is opened, bytes.
    pub plain_size: u64,
    /// Size of the sealed blob, bytes.
    pub blob_size: u64,
    /// Lower-hex SHA-256 of the sealed blob.
    pub blob_sha256: String,
    /// Facts about the G-code; absent for plugins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// CID of a plugin's sealed blob: v1, UnixFS in chunks of 256 KiB with raw leaves, as `ipfs add --cid-version=1` gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
    /// A plugin's manifest, as it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub manifest: Option<serde_json::Map<String, serde_json::Value>>,
    /// The publisher's Ed25519 signature (64 bytes, lower hex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Key that signed (32 bytes, lower hex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_key: Option<String>,
    /// Lower-hex SHA-256 of a plugin as it is opened: its `wasmHash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain_sha256: Option<String>,
    /// What its publisher says of it; plain text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// RFC 3339.
    pub created_at: String,
}

/// What can be told about a G-code file without handing it out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Preview {
    /// Slicer that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slicer: Option<String>,
    /// Number of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<u32>,
    /// Slicer's estimate, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_time_s: Option<u64>,
    /// Filament, millimetres in hundredths (`123456` is 1234.56 mm).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filament_mm_x100: Option<u64>,
    /// Material, as the slicer names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filament_type: Option<String>,
    /// Printer it was sliced for: its model, or the name of its profile where the slicer tells no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer: Option<String>,
    /// Width and depth of that printer's bed, millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed_mm: Option<[u32; 2]>,
    /// Diameter of the first nozzle, thousandths of a millimetre (`400` is 0.4 mm).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nozzle_mm_x1000: Option<u32>,
    /// Height of a layer, thousandths of a millimetre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_height_mm_x1000: Option<u32>,
    /// How hot the nozzle gets, degrees Celsius: of the first layer where the slicer tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nozzle_temp_c: Option<u32>,
    /// How hot the bed gets, as `nozzle_temp_c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed_temp_c: Option<u32>,
    /// Where it extrudes, as far as its moves show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<Extent>,
    /// Path of the largest thumbnail (PNG) on this store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
}

/// A box in a printer's coordinates: X, Y, Z.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Extent {
    /// Lower ends, hundredths of a millimetre.
    pub min_mm_x100: [i32; 3],
    /// Upper ends, hundredths of a millimetre.
    pub max_mm_x100: [i32; 3],
}

/// First part (`release`, JSON) of the multipart `POST /api/v1/releases`; the second part (`file`) is the upload.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewRelease {
    /// Listing to add to; its owner is the caller.
    pub listing: String,
    /// Version text.
    pub version: String,
    /// Set when `file` was sealed on the publisher's side; absent for a plain upload, which is sealed while it streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedUpload>,
    /// For plugins: name, permissions, functions and whatever else is to travel with it, as its publisher writes it.
    #[serde(default, deserialize_with = "manifest", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub manifest: Option<serde_json::Map<String, serde_json::Value>>,
    /// For plugins: the publisher's Ed25519 signature over the release (64 bytes, lower hex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// For plugins that were sealed before: the CID of the sealed blob, which the signature then covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
    /// What is new in it; plain text of at most 5000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// `PATCH /api/v1/releases/{id}`: what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReleaseChanges {
    /// `active` or `yanked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What its publisher says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// How a blob that arrives sealed can be opened by the vault.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SealedUpload {
    /// Content cipher: `age` or `aes-256-cbc`; `aes-256-gcm` for plugins.
    pub cipher: String,
    /// Lower-hex IV for `aes-256-cbc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iv: Option<String>,
    /// The content key in an `ecdh` envelope to the vault's key; its `pluginId` is `vault:` and `plain_sha256`.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub envelope: serde_json::Value,
    /// Lower-hex SHA-256 of the file as it is opened.
    pub plain_sha256: String,
    /// Its size, bytes.
    pub plain_size: u64,
}

/// `GET /api/v1/vault-key`: where a publisher who seals on their own side sends the content key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VaultKey {
    /// Always `x25519`.
    pub curve: String,
    /// 32 bytes, lower hex.
    pub public_key: String,
}

/// One page of listings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListingPage {
    /// As they were asked for; newest first by itself.
    pub listings: Vec<Listing>,
    /// Value of `?after=` for the next page, absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /api/v1/vouchers`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewVoucher {
    /// Listing of the caller's it pays for.
    pub listing: String,
    /// Prints one use grants; what the listing says where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prints: Option<u32>,
    /// How many people can use it (default 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// RFC 3339; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// What the publisher calls it, such as whom it is for; buyers do not see it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
}

/// A voucher, shown once with its code.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Voucher {
    /// Names it in the list of its listing's vouchers; pays for nothing.
    #[serde(default)]
    pub id: String,
    /// What the buyer types.
    pub code: String,
    /// Listing it pays for.
    pub listing: String,
    /// Prints one use grants.
    pub prints: u32,
    /// Uses left.
    pub uses_left: u32,
    /// RFC 3339.
    pub expires_at: Option<String>,
}

/// Says by name what serde would call an invalid type somewhere.
fn manifest<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<serde_json::Map<String, serde_json::Value>>, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::Object(manifest) => Ok(Some(manifest)),
        _ => Err(D::Error::custom("`manifest` is no JSON object")),
    }
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}
