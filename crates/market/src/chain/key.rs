//! The public key that is paid for, as a contract records it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::item::{ChainHash, keccak256};
use crate::DeviceKey;

/// Why bytes are no buyer's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuyerKeyError {
    /// Neither 33 bytes of secp256k1 nor a known prefix and as many bytes as its curve has.
    #[error("a buyer's key is 33 bytes of secp256k1, or a multicodec prefix of another curve and its bytes")]
    Shape,
    /// A curve that has no place on chain.
    #[error("keys of the curve {0} cannot be paid for")]
    Curve(String),
}

/// A buyer's public key as it stands on chain: 33 bytes that begin with 02 or 03 are secp256k1, those of other curves carry
/// their prefix of the [multicodec table](https://github.com/multiformats/multicodec). Whether it is a point of its curve is
/// not known here. Shown as `0x` and lower hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuyerKey(Vec<u8>);

struct Codec {
    curve: &'static str,
    prefix: &'static [u8],
    len: usize,
    compressed: bool,
}

const CODECS: &[Codec] = &[
    Codec { curve: "secp256k1", prefix: &[], len: 33, compressed: true },
    Codec { curve: "p256", prefix: &[0x80, 0x24], len: 33, compressed: true },
    Codec { curve: "p384", prefix: &[0x81, 0x24], len: 49, compressed: true },
    Codec { curve: "x25519", prefix: &[0xec, 0x01], len: 32, compressed: false },
    Codec { curve: "ed25519", prefix: &[0xed, 0x01], len: 32, compressed: false },
];

impl BuyerKey {
    /// What the longest key takes; more is never read.
    pub const MAX_BYTES: usize = 51;

    /// The key of these bytes, whatever they are: a contract may record what nobody can wrap a key for.
    #[must_use]
    pub fn from_chain(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A device's key, as it is paid for.
    ///
    /// # Errors
    /// [`BuyerKeyError`] when the curve has no place on chain, or the key is not of its size.
    pub fn from_device(key: &DeviceKey) -> Result<Self, BuyerKeyError> {
        let codec = CODECS.iter().find(|codec| codec.curve == key.curve);
        let codec = codec.ok_or_else(|| BuyerKeyError::Curve(key.curve.clone()))?;
        let point = hex::decode(&key.public_key).map_err(|_| BuyerKeyError::Shape)?;
        if !codec.fits(&point) {
            return Err(BuyerKeyError::Shape);
        }
        Ok(Self([codec.prefix, &point].concat()))
    }

    /// The device's key that was paid for. That it is a point of its curve is not checked.
    ///
    /// # Errors
    /// [`BuyerKeyError::Shape`] when the bytes are of no known curve.
    pub fn to_device(&self) -> Result<DeviceKey, BuyerKeyError> {
        CODECS
            .iter()
            .find_map(|codec| {
                let point = self.0.strip_prefix(codec.prefix).filter(|point| codec.fits(point))?;
                Some(DeviceKey { curve: codec.curve.to_owned(), public_key: hex::encode(point) })
            })
            .ok_or(BuyerKeyError::Shape)
    }

    /// Its bytes, as the contract is given them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the contract's logs name it by.
    #[must_use]
    pub fn hash(&self) -> ChainHash {
        keccak256(&self.0)
    }
}

impl Codec {
    fn fits(&self, point: &[u8]) -> bool {
        point.len() == self.len && (!self.compressed || matches!(point[0], 2 | 3))
    }
}

impl FromStr for BuyerKey {
    type Err = BuyerKeyError;

    fn from_str(text: &str) -> Result<Self, BuyerKeyError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        hex::decode(digits).map(Self).map_err(|_| BuyerKeyError::Shape)
    }
}

impl TryFrom<String> for BuyerKey {
    type Error = BuyerKeyError;
    fn try_from(text: String) -> Result<Self, BuyerKeyError> {
        text.parse()
    }
}

impl From<BuyerKey> for String {
    fn from(key: BuyerKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for BuyerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(&self.0))
    }
}
