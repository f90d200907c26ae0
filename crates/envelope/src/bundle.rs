//! A bundle: one plugin, sealed once, with its content key wrapped for domains and buyers (design section 3).
//!
//! Sealing draws a fresh content key, encrypts by AES-256-GCM and notes the SHA-256 of the plaintext. The content key
//! is then wrapped any number of times: for domains ([`Bundle::add_domains`]), for buyers ([`Bundle::add_buyer`]), or
//! for both; each slot opens by itself. Opening hands out nothing before tag and hash were checked.
//!
//! `wasmHash` and manifest are the publisher's word only in a signed bundle: [`Bundle::verify`] before opening.
//!
//! ```
//! use sealpost_envelope::{SigningKey, bundle::Bundle, ecdh::{Curve, SecretKey}, release::Trust};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! # let publisher = SigningKey::from_bytes(&[7; 32]);
//! # let wallet_key = SecretKey::generate(Curve::Secp256k1, &mut rng);
//! # let buyer = wallet_key.recipient();
//!
//! // The publisher: once for each version, and once for each buyer.
//! let (mut bundle, dek) = Bundle::seal("com.publisher.my-plugin", b"\0asm", &mut rng)?;
//! bundle.version = "1.0.0".into();
//! bundle.sign(&publisher)?;
//! bundle.add_buyer(&dek, &buyer, &mut rng)?;
//! let json = bundle.to_json()?;
//!
//! // The buyer, who recorded the publisher's key when buying.
//! # let publisher = publisher.verifying_key();
//! let bundle = Bundle::from_json(json.as_bytes())?;
//! let verified = bundle.verify(Trust::Publisher(&publisher))?;
//! assert_eq!(*verified.open_with_buyer_key(&wallet_key)?, b"\0asm");
//! # Ok::<(), sealpost_envelope::bundle::BundleError>(())
//! ```

mod error;
mod verified;
mod wire;

use std::{fmt, io::Write};

use ed25519_dalek::SigningKey;
use rand_core::CryptoRng;
use serde_json::{Map, Value};

use crate::{
    ContentCipher, ContentError, Dek, Sealer, digest,
    domain::{DomainError, DomainKey, DomainSecret, DomainVersion, WRAPPED_LEN},
    ecdh::{self, Agreement, EcdhError, Envelope, Recipient},
    release::{Release, ReleaseError, SIGNATURE_LEN, Trust},
};

pub use self::{error::BundleError, verified::VerifiedBundle};

/// A sealed plugin and the slots that open it.
///
/// JSON: `{"pluginId", "version", "manifest", "encryptedData"? (base64), "cid"?, "wasmHash"?, "domainWrappedKeys":
/// [base64], "domainKek"?: {"version", "epoch"?}, "buyerWrappedKeys": [envelope], "publisher"?, "signature"?}`.
/// An epoch is a number below 2^53 and a decimal string from there on; both are read. Also read are `wrappedDEKs` (as
/// `domainWrappedKeys`), a single `envelope`, and the public demo's `encryptedPayload` and `currentEpoch`. Other
/// members are left out.
#[derive(Clone, Default, PartialEq)]
pub struct Bundle {
    /// The plugin, such as `com.publisher.my-plugin`.
    pub plugin_id: String,
    /// Its version, such as `1.0.0`.
    pub version: String,
    /// Whatever the publisher says about it.
    pub manifest: Map<String, Value>,
    /// The sealed plugin, `iv12 ‖ ct ‖ tag16`. To open a bundle that has a `cid` only, fetch the blob and put it here.
    pub encrypted_data: Option<Vec<u8>>,
    /// Where the sealed plugin can be fetched.
    pub cid: Option<String>,
    /// SHA-256 of the plaintext. Bundles that were made elsewhere may have none: what they open to is then vouched for
    /// by the tag of AES-256-GCM alone.
    pub wasm_hash: Option<[u8; 32]>,
    /// The content key, wrapped for domains. Slots carry no label.
    pub domain_wrapped_keys: Vec<[u8; WRAPPED_LEN]>,
    /// How the domain keys are derived; none is version 1, whose epoch, if any, is known from elsewhere.
    pub domain_kek: Option<DomainVersion>,
    /// The content key, wrapped for buyers.
    pub buyer_wrapped_keys: Vec<Envelope>,
    /// The publisher's Ed25519 public key.
    pub publisher: Option<[u8; 32]>,
    /// The publisher's signature of the [`Release`].
    pub signature: Option<[u8; SIGNATURE_LEN]>,
}

impl Bundle {
    /// Seals a plugin with a fresh content key, which is needed to add domains and buyers and belongs in a vault.
    pub fn seal(
        plugin_id: impl Into<String>,
        data: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Self, Dek), BundleError> {
        let dek = Dek::generate(rng);
        Ok((Self::seal_with(plugin_id, data, &dek, rng)?, dek))
    }

    /// Seals a plugin with a content key at hand, which must not have sealed anything else.
    pub fn seal_with(
        plugin_id: impl Into<String>,
        data: &[u8],
        dek: &Dek,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, BundleError> {
        Ok(Self {
            plugin_id: plugin_id.into(),
            encrypted_data: Some(seal(data, dek, rng)?),
            wasm_hash: Some(digest::sha256(data)),
            ..Self::default()
        })
    }

    /// Reads a bundle from its JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, BundleError> {
        serde_json::from_slice(json).map_err(|error| BundleError::malformed(&error))
    }

    /// Writes its JSON, on one line.
    pub fn to_json(&self) -> Result<String, BundleError> {
        serde_json::to_string(self).map_err(|error| BundleError::malformed(&error))
    }

    /// Wraps the content key for domains. All of a bundle's domains share one version and epoch.
    pub fn add_domains(
        &mut self,
        dek: &Dek,
        secret: &DomainSecret,
        domains: &[impl AsRef<str>],
        version: DomainVersion,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), BundleError> {
        if !self.domain_wrapped_keys.is_empty() && self.domain_version() != version {
            return Err(BundleError::MixedDomains);
        }
        let mut slots = Vec::with_capacity(domains.len());
        for domain in domains {
            let key = DomainKey::derive(secret, domain.as_ref(), &self.plugin_id, version)?;
            slots.push(key.wrap(dek, rng)?);
        }
        if !slots.is_empty() {
            // The documents' bundles have no such member: it stays away where it would say nothing new.
            self.domain_kek = Some(version).filter(|version| *version != DomainVersion::V1 { epoch: None });
        }
        self.domain_wrapped_keys.extend(slots);
        Ok(())
    }

    /// Wraps the content key for one more buyer.
    pub fn add_buyer(
        &mut self,
        dek: &Dek,
        buyer: &Recipient,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), BundleError> {
        self.buyer_wrapped_keys.push(ecdh::wrap(dek, buyer, &self.plugin_id, rng)?);
        Ok(())
    }

    /// How its domain keys are derived.
    pub fn domain_version(&self) -> DomainVersion {
        self.domain_kek.unwrap_or(DomainVersion::V1 { epoch: None })
    }

    /// Signs it as a release. Adding domains and buyers afterwards keeps the signature, changing anything else does
    /// not.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), BundleError> {
        let publisher = key.verifying_key().to_bytes();
        let signature = self.release_by(publisher)?.sign(key)?;
        (self.publisher, self.signature) = (Some(publisher), Some(signature));
        Ok(())
    }

    /// Checks the publisher's signature and gives what opens; [`Trust::AllowUnsigned`] accepts a bundle without one.
    pub fn verify(&self, trust: Trust<'_>) -> Result<VerifiedBundle<'_>, BundleError> {
        match &self.signature {
            // What is not signed need not be complete either.
            None => trust.check_unsigned()?,
            signature => self.release()?.check(signature.as_ref(), trust)?,
        }
        Ok(VerifiedBundle::new(self))
    }

    /// The statement that `signature` is over. Of a plugin it names the plugin id as its listing.
    pub fn release(&self) -> Result<Release, BundleError> {
        self.release_by(self.publisher.ok_or(ReleaseError::Incomplete { missing: "publisher" })?)
    }

    /// The content key, by a buyer's key: every envelope of its curve is tried, those made for the key first. For
    /// wrapping it again; what it opens is nobody's word yet ([`Bundle::verify`]).
    pub fn dek_by_buyer_key(&self, key: &(impl Agreement + ?Sized)) -> Result<Dek, BundleError> {
        let (curve, salt) = (key.curve(), key.salt());
        let mut candidates: Vec<_> =
            self.buyer_wrapped_keys.iter().filter(|envelope| envelope.curve == curve).collect();
        if candidates.is_empty() {
            return Err(BundleError::NoEnvelope { curve });
        }
        candidates.sort_by_key(|envelope| salt.is_none_or(|salt| envelope.salt != salt));
        for envelope in candidates {
            match ecdh::unwrap(envelope, key, &self.plugin_id) {
                Ok(dek) => return Ok(dek),
                Err(error @ EcdhError::Holder) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(BundleError::NotForKey)
    }

    /// The content key, by the key of a domain: every slot is tried. For wrapping it again, as above.
    pub fn dek_by_domain_key(&self, key: &DomainKey) -> Result<Dek, BundleError> {
        if self.domain_wrapped_keys.is_empty() {
            return Err(BundleError::NoDomains);
        }
        let opened = self.domain_wrapped_keys.iter().find_map(|slot| key.unwrap(slot).ok());
        opened.ok_or(BundleError::Domain(DomainError::Open))
    }

    fn release_by(&self, publisher: [u8; 32]) -> Result<Release, BundleError> {
        Ok(Release {
            publisher,
            listing: self.plugin_id.clone(),
            version: self.version.clone(),
            cid: self.cid.clone(),
            plain_sha256: self.wasm_hash.ok_or(ReleaseError::Incomplete { missing: "wasmHash" })?,
            cipher: ContentCipher::Aes256Gcm,
            manifest: self.manifest.clone(),
        })
    }
}

impl fmt::Debug for Bundle {
    /// Without the data and the slots: bundles are large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("plugin_id", &self.plugin_id)
            .field("version", &self.version)
            .field("data_bytes", &self.encrypted_data.as_ref().map(Vec::len))
            .field("cid", &self.cid)
            .field("wasm_hash", &self.wasm_hash.map(hex::encode))
            .field("domains", &self.domain_wrapped_keys.len())
            .field("domain_kek", &self.domain_kek)
            .field("buyers", &self.buyer_wrapped_keys.len())
            .finish_non_exhaustive()
    }
}

/// Seals data as bundles have it.
pub(crate) fn seal(
    data: &[u8],
    dek: &Dek,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, ContentError> {
    let mut sealer = Sealer::new(ContentCipher::Aes256Gcm, dek, rng, Vec::new())?;
    sealer.write_all(data)?;
    sealer.finish()
}

#[cfg(test)]
mod tests;
