use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// The curve of a recipient's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Curve {
    /// Edwards form of Curve25519 (RFC 8032); agrees on secrets by its X25519 counterpart.
    Ed25519,
    /// NIST P-256 (SEC 2 secp256r1).
    P256,
    /// NIST P-384 (SEC 2 secp384r1).
    P384,
    /// SEC 2 secp256k1.
    Secp256k1,
    /// Curve25519, Montgomery form (RFC 7748).
    X25519,
}

impl Curve {
    /// Every curve, in the order of their names.
    pub const ALL: [Self; 5] = [Self::Ed25519, Self::P256, Self::P384, Self::Secp256k1, Self::X25519];

    /// Its name in envelopes and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Secp256k1 => "secp256k1",
            Self::X25519 => "x25519",
        }
    }

    /// Bytes of a public key in canonical form.
    pub fn public_len(self) -> usize {
        match self {
            Self::Secp256k1 | Self::P256 => 33,
            Self::P384 => 49,
            Self::Ed25519 | Self::X25519 => 32,
        }
    }

    /// Bytes of a private key.
    pub fn secret_len(self) -> usize {
        match self {
            Self::P384 => 48,
            _ => 32,
        }
    }

    /// The curve of the sender's key in an envelope for this one.
    pub(super) fn ephemeral(self) -> Self {
        match self {
            Self::Ed25519 => Self::X25519,
            other => other,
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Curve {
    type Err = UnknownCurve;

    fn from_str(name: &str) -> Result<Self, UnknownCurve> {
        Self::ALL
            .into_iter()
            .find(|curve| curve.as_str() == name)
            .ok_or_else(|| UnknownCurve(name.to_owned()))
    }
}

/// A name that is no curve's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no curve {0:?} here: ed25519, p256, p384, secp256k1 and x25519 are known")]
pub struct UnknownCurve(String);

impl ErrorCode for UnknownCurve {
    fn code(&self) -> &'static str {
        "envelope_unknown_curve"
    }

    fn hint(&self) -> &'static str {
        "Name one of ed25519, p256, p384, secp256k1 and x25519, in lower case."
    }
}
