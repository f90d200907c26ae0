//! The keys a store signs with, in versions signed by its root key: a JWS of type `sealpost-keys+jwt`.
//!
//! A printer pins the root when it pairs and takes only newer versions signed by it, so an old set with a lost key
//! cannot come back.

use ed25519_dalek::{SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    ErrorCode, digest,
    jws::{self, JwsError},
    text::{decimal, hex_array, lower_hex, seconds},
};

const TYPE: &str = "sealpost-keys+jwt";
const VERSION: u32 = 1;

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum KeyUse {
    /// Job manifests.
    Jobs,
    /// Access tokens.
    Tokens,
}

/// The first 16 hex digits of SHA-256 of the public key.
pub fn key_id(public: &VerifyingKey) -> String {
    hex::encode(&digest::sha256(public.as_bytes())[..8])
}

/// A fresh Ed25519 signing key, erased when dropped.
pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> SigningKey {
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut_slice());
    SigningKey::from_bytes(&seed)
}

/// An Ed25519 public key from its 32 bytes; points of small order are refused.
pub fn public_key(bytes: &[u8; 32]) -> Result<VerifyingKey, KeySetError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeySetError::BadKey)?;
    if key.is_weak() { Err(KeySetError::BadKey) } else { Ok(key) }
}

/// An Ed25519 public key from lower hex.
pub fn public_key_from_hex(text: &str) -> Result<VerifyingKey, KeySetError> {
    public_key(&hex_array(text).ok_or(KeySetError::BadKey)?)
}

/// One signing key of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetKey {
    /// Its name: [`key_id`].
    pub kid: String,
    /// What it may sign.
    pub key_use: KeyUse,
    /// The key.
    pub public: VerifyingKey,
}

impl SetKey {
    /// Names a key.
    pub fn new(key_use: KeyUse, public: VerifyingKey) -> Self {
        Self { kid: key_id(&public), key_use, public }
    }
}

/// A version of a store's signing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    /// The store's origin, such as `https://store.example`.
    pub iss: String,
    /// Counts up with every change.
    pub version: u64,
    /// Issued, in Unix seconds, below 2^53.
    pub iat: u64,
    /// Current keys, and retired ones whose statements are still alive.
    pub keys: Vec<SetKey>,
}

impl KeySet {
    /// Signs the set with the store's root key.
    pub fn sign(&self, root: &SigningKey) -> Result<String, KeySetError> {
        let claims = Claims {
            v: VERSION,
            iss: self.iss.clone(),
            version: self.version,
            iat: self.iat,
            keys: self.keys.iter().map(ClaimedKey::from).collect(),
        };
        jws::sign(TYPE, &key_id(&root.verifying_key()), &claims, root).map_err(|_| KeySetError::Malformed)
    }

    /// Checks a set against the pinned root. With `newer_than`, sets of that version and older are refused.
    pub fn verify(jws: &str, root: &VerifyingKey, newer_than: Option<u64>) -> Result<Self, KeySetError> {
        let claims: Claims = jws::verify(jws, TYPE, |kid| (kid == key_id(root)).then_some(*root))?;
        if claims.v != VERSION {
            return Err(KeySetError::Format { v: claims.v });
        }
        if let Some(known) = newer_than
            && claims.version <= known
        {
            return Err(KeySetError::NotNewer { known, offered: claims.version });
        }
        let keys = claims.keys.into_iter().map(SetKey::try_from).collect::<Result<_, _>>()?;
        Ok(Self { iss: claims.iss, version: claims.version, iat: claims.iat, keys })
    }

    /// The key of that name, if it may be used so.
    pub fn find(&self, kid: &str, key_use: KeyUse) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.kid == kid && key.key_use == key_use).map(|key| &key.public)
    }

    /// All keys of one use.
    pub fn with_use(&self, key_use: KeyUse) -> impl Iterator<Item = &SetKey> {
        self.keys.iter().filter(move |key| key.key_use == key_use)
    }
}

/// Why a key set was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Not an Ed25519 key, one of small order, or under a name that is not its own.
    #[error("a key of the store is not a usable Ed25519 key")]
    BadKey,
    /// A format of a later version.
    #[error("the key set has format {v}, which this version cannot read")]
    Format {
        /// The format's number.
        v: u32,
    },
    /// Not a key set.
    #[error("the key set is malformed")]
    Malformed,
    /// An old set, or the one already known.
    #[error("the key set has version {offered}, but version {known} is known already")]
    NotNewer {
        /// The version known already.
        known: u64,
        /// The version of this set.
        offered: u64,
    },
    /// Signed by another root, or changed.
    #[error("the key set is not signed by the store this device was paired with")]
    Signature,
}

impl From<JwsError> for KeySetError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Signature | JwsError::UnknownKey => Self::Signature,
            JwsError::Algorithm
            | JwsError::Critical
            | JwsError::EmbeddedKey
            | JwsError::Malformed
            | JwsError::Type => Self::Malformed,
        }
    }
}

impl ErrorCode for KeySetError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadKey => "key_set_bad_key",
            Self::Format { .. } => "key_set_format",
            Self::Malformed => "key_set_malformed",
            Self::NotNewer { .. } => "key_set_not_newer",
            Self::Signature => "key_set_not_from_store",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::BadKey | Self::Malformed => "Report it to the store.",
            Self::Format { .. } => "Update this device's software.",
            Self::NotNewer { .. } => "Nothing to do: the newer set stays in force.",
            Self::Signature => {
                "If the store was set up anew, pair the printer again; otherwise do not trust it."
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    v: u32,
    iss: String,
    #[serde(with = "decimal")]
    version: u64,
    #[serde(with = "seconds")]
    iat: u64,
    keys: Vec<ClaimedKey>,
}

#[derive(Serialize, Deserialize)]
struct ClaimedKey {
    kid: String,
    #[serde(rename = "use")]
    key_use: KeyUse,
    #[serde(with = "lower_hex")]
    public: [u8; 32],
}

impl From<&SetKey> for ClaimedKey {
    fn from(key: &SetKey) -> Self {
        Self { kid: key.kid.clone(), key_use: key.key_use, public: key.public.to_bytes() }
    }
}

impl TryFrom<ClaimedKey> for SetKey {
    type Error = KeySetError;

    fn try_from(claimed: ClaimedKey) -> Result<Self, Self::Error> {
        let key = Self::new(claimed.key_use, public_key(&claimed.public)?);
        if key.kid == claimed.kid { Ok(key) } else { Err(KeySetError::BadKey) }
    }
}

#[cfg(test)]
mod tests;
