//! The seam: the same arithmetic in pure Rust, and in C where servers are put together (ADR 6).

use rand_core::CryptoRng;
use zeroize::Zeroizing;

#[cfg(feature = "native")]
use super::native;
use super::{Curve, EcdhError, canonical::Canonical, pure};

/// Who does the arithmetic. Both give the same bytes and refuse the same keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// The RustCrypto and dalek crates: everywhere, browsers and printers included.
    Pure,
    /// AWS-LC and libsecp256k1: several times faster, with the feature `native`.
    #[cfg(feature = "native")]
    Native,
}

impl Backend {
    /// All that were compiled in.
    pub const ALL: &[Self] = &[
        Self::Pure,
        #[cfg(feature = "native")]
        Self::Native,
    ];

    /// The one that wraps and unwraps.
    #[cfg(feature = "native")]
    pub const IN_USE: Self = Self::Native;
    /// The one that wraps and unwraps.
    #[cfg(not(feature = "native"))]
    pub const IN_USE: Self = Self::Pure;

    /// Reads a public key of an agreement that has the form of one. None if it is not on the curve.
    pub(super) fn public(self, curve: Curve, public: &[u8]) -> Option<Public> {
        match self {
            Self::Pure => pure::Public::read(curve, public).map(Public::Pure),
            #[cfg(feature = "native")]
            Self::Native => native::Public::read(curve, public).map(Public::Native),
        }
    }

    /// Takes a private key of an agreement. None if it is zero or not below the order; any 32 bytes serve X25519.
    pub(super) fn secret(self, curve: Curve, secret: &[u8]) -> Option<Secret> {
        if secret.len() != curve.secret_len() {
            return None;
        }
        match self {
            Self::Pure => pure::Secret::read(curve, secret).map(Secret::Pure),
            #[cfg(feature = "native")]
            Self::Native => native::Secret::read(curve, secret).map(Secret::Native),
        }
    }
}

/// Bytes of the longest private key: a scalar of P-384.
pub(super) const SECRET_MAX: usize = 48;

/// A private key, as many of the first bytes as its curve has.
pub(super) type SecretBytes = Zeroizing<[u8; SECRET_MAX]>;

/// Draws a private key: again until it is below the order of the curve, so that each is as likely as any other.
pub(super) fn draw<T>(
    curve: Curve,
    rng: &mut (impl CryptoRng + ?Sized),
    read: impl Fn(&[u8]) -> Option<T>,
) -> T {
    let mut bytes = SecretBytes::new([0; SECRET_MAX]);
    let (drawn, _) = bytes.split_at_mut(curve.secret_len());
    loop {
        rng.fill_bytes(drawn);
        if let Some(secret) = read(drawn) {
            return secret;
        }
    }
}

/// A public key as its backend reads it.
#[derive(Clone)]
pub(super) enum Public {
    Pure(pure::Public),
    #[cfg(feature = "native")]
    Native(native::Public),
}

impl Public {
    pub(super) fn backend(&self) -> Backend {
        match self {
            Self::Pure(_) => Backend::Pure,
            #[cfg(feature = "native")]
            Self::Native(_) => Backend::Native,
        }
    }
}

/// A private key as its backend holds it, erased when dropped.
#[derive(Clone)]
pub(super) enum Secret {
    Pure(pure::Secret),
    #[cfg(feature = "native")]
    Native(native::Secret),
}

impl Secret {
    /// Its public key.
    pub(super) fn public(&self) -> Option<Canonical> {
        match self {
            Self::Pure(secret) => secret.public(),
            #[cfg(feature = "native")]
            Self::Native(secret) => secret.public(),
        }
    }

    /// The raw shared x coordinate with a public key of the same curve and backend. X25519's is never zero; x = 0 on the
    /// NIST curves is a point like any other.
    pub(super) fn agree(&self, public: &Public) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
        let shared = match (self, public) {
            (Self::Pure(secret), Public::Pure(public)) => secret.agree(public),
            #[cfg(feature = "native")]
            (Self::Native(secret), Public::Native(public)) => secret.agree(public),
            #[cfg(feature = "native")]
            _ => None,
        };
        shared.ok_or(EcdhError::PublicKey)
    }
}
