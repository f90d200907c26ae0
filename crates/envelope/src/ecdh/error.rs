use super::Curve;
use crate::ErrorCode;

/// Why a key could not be wrapped or unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EcdhError {
    /// The envelope is for a key of another curve than the one at hand.
    #[error("the envelope is for a key on {curve}, the key at hand is on {held}")]
    Curve {
        /// The envelope's curve.
        curve: Curve,
        /// The curve of the key at hand.
        held: Curve,
    },
    /// Whatever holds the private key did not answer, or with no shared x coordinate, or its owner refused.
    #[error("the holder of the private key did not agree on a secret")]
    Holder,
    /// Lengths or encodings are wrong.
    #[error("the envelope is malformed")]
    Malformed,
    /// Made for another key or plugin, or changed.
    #[error("the envelope was made for another key or file, or changed on its way")]
    Open,
    /// An off-curve, non-canonical or low-order public key.
    #[error("the public key is not usable on its curve")]
    PublicKey,
    /// A public key that is not hex digits.
    #[error("the public key is not written in hex digits")]
    PublicKeyHex,
    /// A public key of another length than its curve has.
    #[error("a public key of {found} bytes is none on {curve}")]
    PublicKeyLength {
        /// The curve it should be on.
        curve: Curve,
        /// Bytes that were given.
        found: usize,
    },
    /// A private key of another length, zero, or not below the order of the curve.
    #[error("the private key is not usable on {curve}")]
    SecretKey {
        /// The curve it should be on.
        curve: Curve,
    },
}

impl ErrorCode for EcdhError {
    fn code(&self) -> &'static str {
        match self {
            Self::Curve { .. } => "envelope_curve",
            Self::Holder => "envelope_key_holder",
            Self::Malformed => "envelope_malformed",
            Self::Open => "envelope_not_for_us",
            Self::PublicKey | Self::PublicKeyHex | Self::PublicKeyLength { .. } => "envelope_public_key",
            Self::SecretKey { .. } => "envelope_secret_key",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Curve { .. } => "Use a key of the envelope's curve.",
            Self::Holder => "Check that the wallet is connected and unlocked, and try again.",
            Self::Malformed => "Fetch the envelope again.",
            Self::Open => "Check that key and file belong to this envelope.",
            Self::PublicKey => "Send the public key again; if it came in an envelope, fetch that again.",
            Self::PublicKeyHex => "Write the public key as hex, without a 0x in front.",
            Self::PublicKeyLength { .. } => {
                "Public keys have 33 bytes (secp256k1, p256), 49 (p384) or 32 (x25519, ed25519), or are uncompressed points."
            }
            Self::SecretKey { .. } => {
                "Private keys have 32 bytes (p384: 48); on secp256k1, p256 and p384 they are above zero and below the order."
            }
        }
    }
}
