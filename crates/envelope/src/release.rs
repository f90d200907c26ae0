//! What a publisher signs about one version of a file (design section 3).
//!
//! Ed25519 over `"sealpost-release-v1\n"` ‖ RFC 8785 JSON of
//! `{"cid"?, "cipher", "listing", "manifest", "plain_sha256", "publisher", "version"}`: hash and key in lower hex,
//! `cid` only where there is one, the manifest as it was published. A buyer checks it with the key recorded at purchase.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::{ContentCipher, ErrorCode, keyset, text, text::lower_hex};

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = Signature::BYTE_SIZE;

const CONTEXT: &[u8] = b"sealpost-release-v1\n";
/// Integers up to here are the same in every JSON library; RFC 8785 knows doubles only.
const SAFE: u64 = (1 << 53) - 1;
/// RFC 8785 writes doubles from here on with an exponent.
const EXPONENT_FROM: f64 = 1e21;

/// One version of a file. Unknown members of its JSON are refused: the signature would not cover them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The publisher's Ed25519 public key.
    #[serde(with = "lower_hex")]
    pub publisher: [u8; 32],
    /// The listing's id; for plugins the plugin id.
    pub listing: String,
    /// The version, such as `1.0.0`.
    pub version: String,
    /// The CID of the sealed blob, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
    /// SHA-256 of the plaintext: a plugin's `wasmHash`.
    #[serde(with = "lower_hex")]
    pub plain_sha256: [u8; 32],
    /// How the blob is sealed.
    pub cipher: ContentCipher,
    /// The manifest. Whole numbers below 10^21 must lie within ±(2^53 - 1): write larger ones as text.
    pub manifest: Map<String, Value>,
}

impl Release {
    /// Signs with the publisher's key.
    pub fn sign(&self, key: &SigningKey) -> Result<[u8; SIGNATURE_LEN], ReleaseError> {
        if key.verifying_key().to_bytes() != self.publisher {
            return Err(ReleaseError::WrongPublisher);
        }
        Ok(key.sign(&self.signed_bytes()?).to_bytes())
    }

    /// Checks a signature against the publisher's key that was recorded at purchase.
    pub fn verify(
        &self,
        signature: &[u8; SIGNATURE_LEN],
        publisher: &VerifyingKey,
    ) -> Result<(), ReleaseError> {
        if publisher.to_bytes() != self.publisher {
            return Err(ReleaseError::WrongPublisher);
        }
        publisher
            .verify_strict(&self.signed_bytes()?, &Signature::from_bytes(signature))
            .map_err(|_| ReleaseError::Signature)
    }

    /// Checks a statement that may be signed or not, as `trust` says.
    pub fn check(
        &self,
        signature: Option<&[u8; SIGNATURE_LEN]>,
        trust: Trust<'_>,
    ) -> Result<(), ReleaseError> {
        let Some(signature) = signature else { return trust.check_unsigned() };
        match trust {
            Trust::Publisher(key) => self.verify(signature, key),
            Trust::AllowUnsigned => {
                let named = keyset::public_key(&self.publisher).map_err(|_| ReleaseError::Signature)?;
                self.verify(signature, &named)
            }
        }
    }

    /// The bytes that are signed.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, ReleaseError> {
        if !self.manifest.values().all(same_everywhere) {
            return Err(ReleaseError::Number);
        }
        let json = text::canonical(self).map_err(|_| ReleaseError::Number)?;
        Ok([CONTEXT, &json].concat())
    }
}

/// Whose word is taken for a release.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Trust<'a> {
    /// Signed by this key, the one recorded at purchase.
    Publisher(&'a VerifyingKey),
    /// Anybody's: unsigned is fine, and a signature is checked against the key it comes with, which finds damage
    /// but no forgery.
    AllowUnsigned,
}

impl Trust<'_> {
    /// Whether no signature at all will do.
    pub(crate) fn check_unsigned(self) -> Result<(), ReleaseError> {
        match self {
            Self::Publisher(_) => Err(ReleaseError::Unsigned),
            Self::AllowUnsigned => Ok(()),
        }
    }
}

/// Why a release was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Parts of the statement are missing.
    #[error("the release is signed, but without {missing}")]
    Incomplete {
        /// The member that is missing.
        missing: &'static str,
    },
    /// A number that JSON libraries read differently.
    #[error("the manifest has a number that is not the same in every JSON library")]
    Number,
    /// The signature does not verify.
    #[error("the publisher's signature does not fit the release")]
    Signature,
    /// No signature.
    #[error("the release is not signed")]
    Unsigned,
    /// Another publisher than the one expected.
    #[error("the release names another publisher than the one expected")]
    WrongPublisher,
}

impl ErrorCode for ReleaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "release_incomplete",
            Self::Number => "release_number",
            Self::Signature => "release_bad_signature",
            Self::Unsigned => "release_unsigned",
            Self::WrongPublisher => "release_wrong_publisher",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "Fetch the bundle again; if it stays, report it to the publisher.",
            Self::Number => "Write whole numbers beyond 2^53 as text.",
            Self::Signature => "Do not use it; fetch it again, and report it to the publisher if it stays.",
            Self::Unsigned => "Ask the publisher for a signed release, or allow unsigned ones on purpose.",
            Self::WrongPublisher => "Check from whom it was bought; do not use it if you expected another.",
        }
    }
}

fn same_everywhere(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_safe(number),
        Value::Array(values) => values.iter().all(same_everywhere),
        Value::Object(members) => members.values().all(same_everywhere),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn is_safe(number: &Number) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(signed), _) => signed.unsigned_abs() <= SAFE,
        (None, Some(_)) => false,
        // Doubles in between have no fraction and are written without an exponent: they are read again as integers.
        (None, None) => number.as_f64().is_some_and(|x| x.abs() <= SAFE as f64 || x.abs() >= EXPONENT_FROM),
    }
}

#[cfg(test)]
mod tests;
