use std::{
    fmt,
    hash::{Hash, Hasher},
};

use super::{
    Backend, Curve, EcdhError,
    backend::Public,
    canonical::{Canonical, check_form},
    montgomery,
};
use crate::digest;

/// A public key to wrap for, read and checked.
#[derive(Clone)]
pub struct Recipient {
    curve: Curve,
    canonical: Canonical,
    public: Public,
}

impl Recipient {
    /// Reads a public key: SEC1, compressed or uncompressed, or 32 bytes for X25519 and Ed25519.
    ///
    /// Refused are other lengths and forms, points off the curve, the identity, a u coordinate that is not reduced or
    /// of low order, and Ed25519 points that are not canonical or not of prime order.
    pub fn new(curve: Curve, public: &[u8]) -> Result<Self, EcdhError> {
        Self::new_by(Backend::IN_USE, curve, public)
    }

    /// [`Recipient::new`] by a named backend, which then wraps, for comparing them.
    #[doc(hidden)]
    pub fn new_by(backend: Backend, curve: Curve, public: &[u8]) -> Result<Self, EcdhError> {
        let read = if curve == Curve::Ed25519 {
            backend.public(Curve::X25519, &montgomery::from_ed25519(public)?)
        } else {
            check_form(curve, public)?;
            if curve == Curve::X25519 && montgomery::has_low_order(public) {
                return Err(EcdhError::PublicKey);
            }
            backend.public(curve, public)
        };
        Self::own(curve, public, read).ok_or(EcdhError::PublicKey)
    }

    /// Reads a public key from hex digits of either case.
    pub fn from_hex(curve: Curve, public: &str) -> Result<Self, EcdhError> {
        Self::new(curve, &hex::decode(public).map_err(|_| EcdhError::PublicKeyHex)?)
    }

    /// Its curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The canonical bytes: SEC1 compressed, or the 32 bytes that were read.
    pub fn as_bytes(&self) -> &[u8] {
        self.canonical.as_slice()
    }

    /// Lower hex of the canonical bytes.
    pub fn to_hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// SHA-256 of the canonical bytes: the salt of envelopes written here, by which a wallet finds its key again.
    pub fn salt(&self) -> [u8; 32] {
        digest::sha256(self.as_bytes())
    }

    /// As the backend reads it; the X25519 counterpart of an Ed25519 key.
    pub(super) fn public(&self) -> &Public {
        &self.public
    }

    /// Of a public key that was checked, or belongs to a private key.
    pub(super) fn own(curve: Curve, bytes: &[u8], public: Option<Public>) -> Option<Self> {
        Some(Self { curve, canonical: Canonical::new(bytes)?, public: public? })
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        (self.curve, self.canonical) == (other.curve, other.canonical)
    }
}

impl Eq for Recipient {}

impl Hash for Recipient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.curve, self.canonical).hash(state);
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({} {})", self.curve, self.to_hex())
    }
}
