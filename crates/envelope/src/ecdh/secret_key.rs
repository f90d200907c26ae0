use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Agreement, Backend, Curve, EcdhError, Recipient,
    backend::{SECRET_MAX, Secret, SecretBytes, draw},
    canonical::check_form,
    montgomery,
};

/// A recipient's private key of any curve, erased when dropped, compared in constant time.
#[derive(Clone)]
pub struct SecretKey {
    bytes: SecretBytes,
    recipient: Recipient,
    secret: Secret,
}

impl SecretKey {
    /// A fresh key.
    pub fn generate(curve: Curve, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::generate_by(Backend::IN_USE, curve, rng)
    }

    /// Takes over existing key bytes: a big-endian scalar above zero and below the order of the curve, 32 bytes for
    /// X25519, the seed for Ed25519. The caller erases its own copy.
    pub fn from_bytes(curve: Curve, secret: &[u8]) -> Result<Self, EcdhError> {
        Self::from_bytes_by(Backend::IN_USE, curve, secret)
    }

    /// [`SecretKey::generate`] by a named backend, for comparing them.
    #[doc(hidden)]
    pub fn generate_by(backend: Backend, curve: Curve, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        draw(curve, rng, |bytes| Self::read(backend, curve, bytes))
    }

    /// [`SecretKey::from_bytes`] by a named backend, which then agrees, for comparing them.
    #[doc(hidden)]
    pub fn from_bytes_by(backend: Backend, curve: Curve, secret: &[u8]) -> Result<Self, EcdhError> {
        Self::read(backend, curve, secret).ok_or(EcdhError::SecretKey { curve })
    }

    /// Its curve.
    pub fn curve(&self) -> Curve {
        self.recipient.curve()
    }

    /// Its public key.
    pub fn recipient(&self) -> Recipient {
        self.recipient.clone()
    }

    /// The key itself, for keeping it. Never log or print it.
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..self.curve().secret_len()).unwrap_or_default()
    }

    fn read(backend: Backend, curve: Curve, key: &[u8]) -> Option<Self> {
        if key.len() != curve.secret_len() {
            return None;
        }
        let mut bytes = SecretBytes::new([0; SECRET_MAX]);
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        let (secret, recipient) = if curve == Curve::Ed25519 {
            let seed = key.try_into().ok()?;
            let secret = backend.secret(Curve::X25519, &*montgomery::secret_from_seed(seed))?;
            let public = backend.public(Curve::X25519, secret.public()?.as_slice());
            (secret, Recipient::own(curve, &montgomery::ed25519_public(seed), public)?)
        } else {
            let secret = backend.secret(curve, key)?;
            let public = secret.public()?;
            (secret, Recipient::own(curve, public.as_slice(), backend.public(curve, public.as_slice()))?)
        };
        Some(Self { bytes, recipient, secret })
    }
}

impl Agreement for SecretKey {
    fn curve(&self) -> Curve {
        self.recipient.curve()
    }

    fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
        let (backend, curve) = (self.recipient.public().backend(), self.curve().ephemeral());
        check_form(curve, public)?;
        self.secret.agree(&backend.public(curve, public).ok_or(EcdhError::PublicKey)?)
    }

    fn salt(&self) -> Option<[u8; 32]> {
        Some(self.recipient.salt())
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.curve() == other.curve() && bool::from(self.bytes.as_slice().ct_eq(other.bytes.as_slice()))
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({} [redacted])", self.curve())
    }
}
