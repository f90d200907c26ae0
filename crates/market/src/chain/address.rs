//! Accounts of an EVM chain.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::item::keccak256;

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not `0x` and 40 hexadecimal digits.
    #[error("an address is 0x and 40 hexadecimal digits")]
    Shape,
    /// The upper and lower case of its letters says that a digit is wrong (EIP-55).
    #[error("a digit of this address is wrong: its letters do not add up")]
    Checksum,
}

/// An account or contract: 20 bytes. Shown as `0x` and lower hex; read in any case, and checked where the case is mixed
/// ([EIP-55](https://eips.ethereum.org/EIPS/eip-55)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^0x[0-9a-fA-F]{40}$"))]
pub struct Address([u8; 20]);

impl Address {
    /// The address of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Whether nobody has it: contracts read it as "none".
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 20]
    }

    /// As people write it: with the case of EIP-55.
    #[must_use]
    pub fn checksummed(&self) -> String {
        let digits = hex::encode(self.0);
        let hash = hex::encode(keccak256(digits.as_bytes()).as_bytes());
        let cased = digits.bytes().zip(hash.bytes()).map(|(digit, nibble)| {
            char::from(if nibble >= b'8' { digit.to_ascii_uppercase() } else { digit })
        });
        "0x".chars().chain(cased).collect()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let digits =
            text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or(AddressError::Shape)?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| AddressError::Shape)?;
        let address = Self(bytes);
        let has = |case: fn(&u8) -> bool| digits.bytes().any(|digit| case(&digit));
        let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
        if mixed && address.checksummed()[2..] != *digits {
            return Err(AddressError::Checksum);
        }
        Ok(address)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}
