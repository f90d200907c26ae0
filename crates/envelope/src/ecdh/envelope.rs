use serde::{Deserialize, Serialize};

use super::Curve;
use crate::{
    slot,
    text::{any_hex, wrapped_base64},
};

/// A wrapped content key as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender's fresh public key, as written here in canonical form (an X25519 u for `ed25519`); lower hex in JSON,
    /// read in either case.
    #[serde(rename = "ephemeralPub", with = "any_hex")]
    pub ephemeral_pub: Vec<u8>,
    /// `iv12 ‖ ct32 ‖ tag16`; standard base64 in JSON.
    #[serde(rename = "wrappedDEK", with = "wrapped_base64")]
    pub wrapped_dek: [u8; slot::LEN],
    /// The HKDF salt, SHA-256 of the recipient's canonical key when written here; lower hex in JSON, read in either case.
    #[serde(with = "any_hex")]
    pub salt: Vec<u8>,
    /// The recipient's curve.
    pub curve: Curve,
}
