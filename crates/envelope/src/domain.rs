//! The `domain` key wrap: a content key for whoever shows a plugin on one domain (design section 3).
//!
//! A publisher keeps one [`DomainSecret`]. From it comes a [`DomainKey`] for each domain, plugin and epoch, which wraps
//! the content key as `iv12 ‖ ct32 ‖ tag16`. A browser is given the key for its own domain, never the secret.
//!
//! **This is a speed bump, not a lock.** A page can be lied to about its host, and whoever was given a domain's key
//! can pass it on. Sell by the [`ecdh`](crate::ecdh) wrap; use this one beside it for pages you already trust.
//!
//! | version | derivation | use |
//! |---|---|---|
//! | 2 | HKDF-SHA256(secret, salt = SHA-256(domain), info = `"sealpost-domain-v2" ‖ 0 ‖ plugin id ‖ 0 ‖ epoch` in decimal) | everything new |
//! | 1 | that of the public Space Data Network demo | what exists already |
//!
//! Version 1 is home-made and has no published analysis. What is known to be weak about it:
//! - Domain and epoch are mixed in by XOR. With an empty plugin id no hash follows, so whoever has the key of one
//!   domain and epoch can compute those of all others. With a plugin id a final SHA-256 hides that.
//! - Secrets of any length but zero are taken, and the secret is turned into key material without any stretching: a
//!   short one can be guessed offline from one bundle.
//! - The domain is taken byte for byte. `Example.com`, `example.com` and `example.com.` have different keys.
//! - No epoch is a derivation of its own: it differs from epoch 0.

mod error;
mod host;
mod v1;

use std::fmt;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Dek, digest, slot};

pub use self::{error::DomainError, host::normalise};

/// Bytes of a content key wrapped for a domain.
pub const WRAPPED_LEN: usize = slot::LEN;

const INFO_V2: &[u8] = b"sealpost-domain-v2";

/// What all domain keys of a publisher come from: erased when dropped. It belongs on servers only.
#[derive(Clone)]
pub struct DomainSecret(Zeroizing<Vec<u8>>);

impl DomainSecret {
    /// Fewest bytes that version 2 takes.
    pub const LEN_V2: usize = 32;

    /// Takes the secret over as it is: a line end from a file would be part of it. Version 1 of the public demo takes
    /// the UTF-8 bytes of a text.
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Result<Self, DomainError> {
        let bytes = bytes.into();
        if bytes.is_empty() { Err(DomainError::SecretEmpty) } else { Ok(Self(bytes)) }
    }

    /// A fresh secret of 32 bytes.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new(vec![0; Self::LEN_V2]);
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret itself, for keeping it. Never log or print it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for DomainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DomainSecret([redacted])")
    }
}

/// How a domain key is derived. Epochs count publisher-defined periods: a new epoch ends access for those who are
/// given no new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomainVersion {
    /// As the public demo does, for what exists already.
    V1 {
        /// The epoch; none is not the same as 0.
        epoch: Option<u64>,
    },
    /// HKDF, for everything new.
    V2 {
        /// The epoch.
        epoch: u64,
    },
}

impl DomainVersion {
    /// 1 or 2.
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 { .. } => 1,
            Self::V2 { .. } => 2,
        }
    }

    /// The epoch, if there is one.
    pub const fn epoch(self) -> Option<u64> {
        match self {
            Self::V1 { epoch } => epoch,
            Self::V2 { epoch } => Some(epoch),
        }
    }
}

/// The key of one domain, plugin and epoch: 32 bytes, erased when dropped, compared in constant time.
#[derive(Clone)]
pub struct DomainKey(Zeroizing<[u8; 32]>);

impl DomainKey {
    /// Derives a key. Version 2 takes the domain in any spelling ([`normalise`]), version 1 byte for byte.
    pub fn derive(
        secret: &DomainSecret,
        domain: &str,
        plugin_id: &str,
        version: DomainVersion,
    ) -> Result<Self, DomainError> {
        match version {
            DomainVersion::V1 { .. } if domain.is_empty() => Err(DomainError::NotADomain),
            DomainVersion::V1 { epoch } => Ok(Self(v1::derive(secret.expose(), domain, plugin_id, epoch))),
            DomainVersion::V2 { epoch } => derive_v2(secret, domain, plugin_id, epoch),
        }
    }

    /// Takes over a key that was derived elsewhere; the caller erases its own copy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key itself, for handing it to its domain. Never log or print it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Wraps a content key.
    pub fn wrap(
        &self,
        dek: &Dek,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<[u8; WRAPPED_LEN], DomainError> {
        slot::seal(&self.0, dek, rng).map_err(|_| DomainError::Wrap)
    }

    /// Unwraps a content key. Slots carry no label: with [`DomainError::Open`] try the next one.
    pub fn unwrap(&self, wrapped: &[u8; WRAPPED_LEN]) -> Result<Dek, DomainError> {
        slot::open(&self.0, wrapped).map_err(|_| DomainError::Open)
    }
}

impl PartialEq for DomainKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for DomainKey {}

impl fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DomainKey([redacted])")
    }
}

fn derive_v2(
    secret: &DomainSecret,
    domain: &str,
    plugin_id: &str,
    epoch: u64,
) -> Result<DomainKey, DomainError> {
    if secret.0.len() < DomainSecret::LEN_V2 {
        return Err(DomainError::SecretShort { found: secret.0.len() });
    }
    // A zero byte inside would let two plugins and epochs share one info.
    if plugin_id.is_empty() || plugin_id.contains('\0') {
        return Err(DomainError::PluginId);
    }
    let salt = digest::sha256(normalise(domain)?.as_bytes());
    let info = [INFO_V2, b"\0", plugin_id.as_bytes(), b"\0", epoch.to_string().as_bytes()].concat();
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(&salt), &secret.0)
        .expand(&info, key.as_mut_slice())
        .map_err(|_| DomainError::Wrap)?;
    Ok(DomainKey(key))
}

#[cfg(test)]
mod tests;
