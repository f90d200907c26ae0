//! The job manifest: what a store asks one printer to print, once. A JWS of type `sealpost-job+jwt`.
//!
//! It binds blob, key package, cipher, IV and plaintext to printer, job and claim. Hashes and the IV are lower hex,
//! sizes decimal strings, `iat` and `exp` JSON numbers as RFC 7519 defines them.

mod error;

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use crate::{
    ContentCipher, ContentError, Digest, KeySet, KeyUse, digest, jws, keyset,
    text::{decimal, lower_hex, lower_hex_option, seconds},
};

pub use error::ManifestError;

/// Seconds a manifest may seem to come from the future: clocks differ.
pub const LEEWAY: u64 = 120;

const TYPE: &str = "sealpost-job+jwt";
const VERSION: u32 = 1;

/// The claims of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobManifest {
    /// The store's origin.
    pub iss: String,
    /// The printer's id.
    pub aud: String,
    /// The job's id.
    pub job: String,
    /// The listing's id.
    pub listing: String,
    /// The release's id.
    pub release: String,
    /// What the printer sent with its claim.
    pub nonce: String,
    /// How the blob is sealed.
    pub cipher: ContentCipher,
    /// The IV beside the blob, for `aes-256-cbc` only.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lower_hex_option")]
    pub iv: Option<[u8; 16]>,
    /// SHA-256 of the sealed blob.
    #[serde(with = "lower_hex")]
    pub blob_sha256: [u8; 32],
    /// Bytes of the sealed blob.
    #[serde(with = "decimal")]
    pub blob_size: u64,
    /// SHA-256 of the key package as it is sent ([`package_hash`]).
    #[serde(with = "lower_hex")]
    pub key_sha256: [u8; 32],
    /// SHA-256 of the plaintext.
    #[serde(with = "lower_hex")]
    pub plain_sha256: [u8; 32],
    /// Bytes of the plaintext.
    #[serde(with = "decimal")]
    pub plain_size: u64,
    /// Issued, in Unix seconds, below 2^53.
    #[serde(with = "seconds")]
    pub iat: u64,
    /// Not valid from this moment on, in Unix seconds, below 2^53.
    #[serde(with = "seconds")]
    pub exp: u64,
}

/// What the reader of a manifest knows already.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The store's origin.
    pub iss: &'a str,
    /// The reader's own printer id.
    pub printer: &'a str,
    /// The job that was claimed.
    pub job: &'a str,
    /// The nonce sent with the claim.
    pub nonce: &'a str,
}

impl JobManifest {
    /// Signs with a key of use `jobs`; its name is [`keyset::key_id`].
    pub fn sign(&self, key: &SigningKey) -> Result<String, ManifestError> {
        self.check_iv()?;
        let kid = keyset::key_id(&key.verifying_key());
        jws::sign(TYPE, &kid, &Versioned { v: VERSION, manifest: self }, key)
            .map_err(|_| ManifestError::Malformed)
    }

    /// Checks everything but the hashes. `now` is in Unix seconds.
    pub fn verify(jws: &str, keys: &KeySet, expected: Expected<'_>, now: u64) -> Result<Self, ManifestError> {
        let Versioned { v, manifest } =
            jws::verify::<Versioned<Self>>(jws, TYPE, |kid| keys.find(kid, KeyUse::Jobs).copied())?;
        if v != VERSION {
            return Err(ManifestError::Version { v });
        }
        if manifest.iss != expected.iss {
            return Err(ManifestError::WrongIssuer);
        }
        if manifest.aud != expected.printer {
            return Err(ManifestError::WrongPrinter);
        }
        if manifest.job != expected.job {
            return Err(ManifestError::WrongJob);
        }
        if manifest.nonce != expected.nonce {
            return Err(ManifestError::WrongNonce);
        }
        if manifest.iat > now.saturating_add(LEEWAY) {
            return Err(ManifestError::FromTheFuture { iat: manifest.iat, now });
        }
        if now >= manifest.exp {
            return Err(ManifestError::Expired { exp: manifest.exp, now });
        }
        manifest.check_iv()?;
        Ok(manifest)
    }

    /// The key package is the one that was signed.
    pub fn check_package(&self, package: &str) -> Result<(), ManifestError> {
        if package_hash(package) == self.key_sha256 { Ok(()) } else { Err(ManifestError::Package) }
    }

    /// The downloaded blob is the one that was signed. To be asked before a byte of it is opened.
    pub fn check_blob(&self, blob: &Digest) -> Result<(), ManifestError> {
        let signed = Digest { sha256: self.blob_sha256, size: self.blob_size };
        if *blob == signed { Ok(()) } else { Err(ManifestError::Blob) }
    }

    /// The opened file is the one that was signed. Fails with the same code as wrong padding, so that nobody can
    /// learn about the plaintext by trying blobs.
    pub fn check_plain(&self, plain: &Digest) -> Result<(), ContentError> {
        let signed = Digest { sha256: self.plain_sha256, size: self.plain_size };
        if *plain == signed { Ok(()) } else { Err(ContentError::Corrupt) }
    }

    fn check_iv(&self) -> Result<(), ManifestError> {
        if self.iv.is_some() == self.cipher.has_outer_iv() { Ok(()) } else { Err(ManifestError::Malformed) }
    }
}

/// SHA-256 over the text of a key package as it is sent.
pub fn package_hash(package: &str) -> [u8; 32] {
    digest::sha256(package.as_bytes())
}

#[derive(Serialize, Deserialize)]
struct Versioned<M> {
    v: u32,
    #[serde(flatten)]
    manifest: M,
}

#[cfg(test)]
mod tests;
