use zeroize::Zeroizing;

use crate::{Dek, content, digest, domain::DomainKey, ecdh::Agreement};

use super::{Bundle, BundleError};

/// A bundle whose signature is the one that counts, or whose reader said that none is needed
/// ([`Bundle::verify`]). Hands out nothing before tag and hash were checked.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedBundle<'a>(&'a Bundle);

impl<'a> VerifiedBundle<'a> {
    pub(super) fn new(bundle: &'a Bundle) -> Self {
        Self(bundle)
    }

    /// The bundle.
    pub fn bundle(&self) -> &'a Bundle {
        self.0
    }

    /// Opens it with a buyer's key, wherever that is kept.
    pub fn open_with_buyer_key(
        &self,
        key: &(impl Agreement + ?Sized),
    ) -> Result<Zeroizing<Vec<u8>>, BundleError> {
        self.open(&self.0.dek_by_buyer_key(key)?)
    }

    /// Opens it with the key of a domain.
    pub fn open_with_domain_key(&self, key: &DomainKey) -> Result<Zeroizing<Vec<u8>>, BundleError> {
        self.open(&self.0.dek_by_domain_key(key)?)
    }

    /// Opens it with its content key, and checks `wasmHash`.
    pub fn open(&self, dek: &Dek) -> Result<Zeroizing<Vec<u8>>, BundleError> {
        let data =
            self.0.encrypted_data.as_ref().ok_or_else(|| BundleError::NoData { cid: self.0.cid.clone() })?;
        let plain = content::open_gcm(dek, data.as_slice())?;
        match self.0.wasm_hash {
            Some(expected) if digest::sha256(&plain) != expected => Err(BundleError::WrongHash),
            _ => Ok(plain),
        }
    }
}
