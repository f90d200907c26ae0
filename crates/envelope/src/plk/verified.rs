use crate::{
    Dek, digest,
    domain::{DomainError, DomainKey, WRAPPED_LEN},
    ecdh::{self, Agreement, Curve, EcdhError, Envelope},
};

use super::{Licence, PlkError};

/// A licence that was found good for a use: what a loader opens content keys with.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a>(&'a Licence);

impl<'a> Verified<'a> {
    pub(super) fn new(licence: &'a Licence) -> Self {
        Self(licence)
    }

    /// The licence.
    pub fn licence(&self) -> &'a Licence {
        self.0
    }

    /// Opens the content key by the envelope for `LICENSEE_PUBKEY`, whose private key `secret` holds. Envelopes
    /// whose salt names that key are tried first, and alone if the holder does not tell which key it has. What the
    /// holder refuses is not retried.
    pub fn open_with_licensee_key(
        &self,
        envelopes: &[Envelope],
        secret: &(impl Agreement + ?Sized),
    ) -> Result<Dek, PlkError> {
        let public = self.0.licensee_pubkey.ok_or(PlkError::Field { name: "LICENSEE_PUBKEY" })?;
        let salt = digest::sha256(&public);
        let held = secret.salt();
        if secret.curve() != Curve::X25519 || held.is_some_and(|held| held != salt) {
            return Err(PlkError::WrongKey);
        }
        let (named, others): (Vec<_>, Vec<_>) = envelopes
            .iter()
            .filter(|envelope| envelope.curve == Curve::X25519)
            .partition(|envelope| envelope.salt == salt);
        // A holder that does not tell its key could otherwise open its own envelope with somebody else's licence.
        let others = others.into_iter().filter(|_| held.is_some());
        for envelope in named.into_iter().chain(others) {
            match ecdh::unwrap(envelope, secret, &self.0.plugin_id) {
                Ok(dek) => return Ok(dek),
                Err(EcdhError::Open | EcdhError::PublicKey | EcdhError::PublicKeyLength { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(PlkError::NoEnvelope)
    }

    /// Opens the content key by one of the slots for domains, which carry no label.
    pub fn open_with_domain_key(
        &self,
        slots: &[[u8; WRAPPED_LEN]],
        key: &DomainKey,
    ) -> Result<Dek, PlkError> {
        for slot in slots {
            match key.unwrap(slot) {
                Ok(dek) => return Ok(dek),
                Err(DomainError::Open) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(PlkError::NoSlot)
    }
}
