//! What is sold, as a contract names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use crate::Version;

/// Why a text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 0x and 64 hexadecimal digits")]
pub struct HashError;

/// A hash of a chain: of a transaction, a block, an item. Shown as `0x` and 64 digits of lower hex; read in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^0x[0-9a-fA-F]{64}$"))]
pub struct ChainHash([u8; 32]);

/// What is hashed to an item's id: `{name}@{version}`, where the name is the plugin's id, or the listing's where it has none.
/// So the version that is bought is part of what the chain records.
#[must_use]
pub fn item_text(name: &str, version: &Version) -> String {
    format!("{name}@{version}")
}

/// The id of an item on chain: keccak256 of the text's UTF-8.
#[must_use]
pub fn item_id(text: &str) -> ChainHash {
    keccak256(text.as_bytes())
}

/// Keccak-256, as the EVM has it.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> ChainHash {
    ChainHash(Keccak256::digest(bytes).into())
}

impl ChainHash {
    /// The hash of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for ChainHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or(HashError)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| HashError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for ChainHash {
    type Error = HashError;
    fn try_from(text: String) -> Result<Self, HashError> {
        text.parse()
    }
}

impl From<ChainHash> for String {
    fn from(hash: ChainHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}
