//! Pairing and registering printers, and their tokens.

use serde::{Deserialize, Serialize};

use crate::job::Job;

/// What a printer says of itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PrinterDescription {
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tool heads, 1 to 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extruder_count: Option<u32>,
}

/// `POST /api/printers/pair/start`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PairStart {
    /// 32-byte X25519 public key, standard base64.
    pub public_key: String,
    /// `x25519`.
    pub key_type: String,
    /// Lower-hex SHA-256 of the raw key; checked where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The printer.
    #[serde(default)]
    pub printer: PrinterDescription,
}

/// Answer to [`PairStart`], RFC 8628 in shape.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PairStarted {
    /// Secret of this session: whoever holds it can ask how it stands.
    pub session_id: String,
    /// What a person types: 8 characters of `BCDFGHJKLMNPQRSTVWXZ` as `XXXX-XXXX`.
    pub pairing_code: String,
    /// Page where the code is entered.
    pub verification_uri: String,
    /// The same with the code filled in, for a QR code.
    pub verification_uri_complete: String,
    /// Seconds between two questions.
    pub interval: u64,
    /// Seconds until the code is void.
    pub expires_in: u64,
    /// RFC 3339.
    pub expires_at: String,
    /// The store's root key, lower hex: what the short code is made from and the printer pins.
    pub store_root_key: String,
    /// Where the printer's questions go from now on: the store's public origin.
    pub origin: String,
}

/// `POST /api/printers/pair/status` and `/complete`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PairSession {
    /// As [`PairStarted::session_id`].
    pub session_id: String,
}

/// Answer to `/pair/status`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PairStatus {
    /// `pending`, `slow_down`, `approved`, `completed`, `denied` or `expired`.
    pub status: String,
    /// Seconds to wait from now on (five more after each `slow_down`).
    pub interval: u64,
}

/// Answer to `/pair/complete`: a NaCl box to the printer's key, all fields standard base64.
///
/// Inside is the JSON `{purpose, origin, session, store_root_key, printer_id, token, expires_at}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SealedAnswer {
    /// crypto_box output.
    pub ciphertext: String,
    /// 24 bytes.
    pub nonce: String,
    /// Fresh X25519 public key.
    pub sender_pubkey: String,
    /// Printer id, outside too because LMNT's plugin reads it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<String>,
    /// RFC 3339, outside too for the same reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// `GET /api/v1/pairings/{code}`: what the person who approves sees.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PairingView {
    /// The code, normalised.
    pub pairing_code: String,
    /// The printer, as it described itself.
    pub printer: PrinterDescription,
    /// Six digits that the printer shows too.
    pub short_code: String,
    /// Lower-hex SHA-256 of the printer's key.
    pub key_id: String,
    /// As [`PairStatus::status`].
    pub status: String,
    /// RFC 3339.
    pub expires_at: String,
    /// The printer, once it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printer_id: Option<String>,
}

/// `POST /api/v1/pairings/{code}/approve`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApproveRequest {
    /// Name to give the printer instead of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The short code as the person compared it; refused when it differs. Absent when it was only looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_code: Option<String>,
}

/// `POST /api/register-printer` (user token).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RegisterPrinter {
    /// Name for people.
    #[serde(alias = "name")]
    pub printer_name: String,
    /// Longer text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// 32-byte X25519 public key, standard base64.
    pub printer_public_key: String,
}

/// Answer to [`RegisterPrinter`].
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RegisteredPrinter {
    /// Printer id.
    pub id: String,
    /// Owner.
    pub user_id: String,
    /// Name for people.
    pub printer_name: String,
    /// Maker.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// Id of the printer's key (lower-hex SHA-256); LMNT kept a custody key here.
    pub kek_id: String,
    /// EdDSA JWT, 30 days.
    pub printer_token: String,
    /// RFC 3339.
    pub token_expires: String,
    /// The store's root key, lower hex.
    pub store_root_key: String,
}

impl std::fmt::Debug for RegisteredPrinter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisteredPrinter").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Answer to `POST /api/refresh-printer-token` and `/api/printer-agent/refresh-token`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RefreshedToken {
    /// EdDSA JWT, 30 days.
    pub printer_token: String,
    /// RFC 3339.
    pub token_expires: String,
}

impl std::fmt::Debug for RefreshedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshedToken").field("token_expires", &self.token_expires).finish_non_exhaustive()
    }
}

/// `POST /api/printers/challenge`: a printer whose token is void asks to prove itself by its key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChallengeRequest {
    /// Printer id.
    pub printer_id: String,
}

/// Answer to [`ChallengeRequest`]: a box over `{purpose, origin, printer, nonce}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// To be repeated with the answer.
    pub challenge_id: String,
    /// The box.
    pub sealed: SealedAnswer,
}

/// `POST /api/printers/token`; the answer is a [`SealedAnswer`] over the new token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChallengeAnswer {
    /// As [`Challenge::challenge_id`].
    pub challenge_id: String,
    /// Printer id.
    pub printer_id: String,
    /// Lower-hex HMAC-SHA-256 under the nonce; never the nonce.
    pub answer: String,
}

/// A printer as its owner sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Printer {
    /// Printer id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Maker.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// Lower-hex SHA-256 of its key.
    pub key_id: String,
    /// When it last asked for jobs, RFC 3339.
    pub last_seen: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// Whether it is connected, or was a moment ago.
    #[serde(default)]
    pub online: bool,
    /// What its agent calls itself, such as `sealpost-printer/1.2.0`.
    #[serde(default)]
    pub agent: Option<String>,
    /// Whether its agent said that other programs on the printer may look into prints.
    #[serde(default)]
    pub reduced: Option<bool>,
    /// What it is at: a job that it prepares, prints or pauses, or of which nobody knows how it went.
    #[serde(default)]
    pub job: Option<Box<Job>>,
    /// Jobs that wait for it.
    #[serde(default)]
    pub waiting: u64,
}

/// `GET /api/v1/printers`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PrinterList {
    /// In order of pairing.
    pub printers: Vec<Printer>,
}

/// `PATCH /api/v1/printers/{id}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RenamePrinter {
    /// Name for people, 1 to 80 characters.
    pub name: String,
}
