//! Identifiers: `[a-z0-9_-]{1,64}`, safe in a path, a file name and a G-code parameter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Random bytes one generated identifier takes; 100 of their 104 bits are used.
pub const ID_RANDOM_BYTES: usize = 13;

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has 1 to 64 characters out of a-z, 0-9, `_` and `-`")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[a-z0-9_-]{1,64}$"))]
        pub struct $name(String);

        impl $name {
            /// What generated identifiers of this kind begin with.
            pub const PREFIX: &'static str = $prefix;

            /// Reads an identifier.
            ///
            /// # Errors
            /// When the text is not `[a-z0-9_-]{1,64}`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if is_id(text) { Ok(Self(text.to_owned())) } else { Err(IdError) }
            }

            /// The prefix and 20 base-32 characters of 13 random bytes from the caller's generator.
            #[must_use]
            pub fn generate(random: &[u8; ID_RANDOM_BYTES]) -> Self {
                Self(format!("{}{}", $prefix, base32(random)))
            }

            /// The text of the identifier.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                if is_id(&text) { Ok(Self(text)) } else { Err(IdError) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// What is offered.
    ListingId = "l_";
    /// One version of a listing's file.
    ReleaseId = "r_";
    /// What a buyer may do.
    LicenceId = "lic_";
    /// How a licence was paid for.
    PurchaseId = "pu_";
    /// One print on one printer.
    JobId = "j_";
    /// A printer.
    PrinterId = "p_";
    /// A public key that a plugin licence counts.
    DeviceId = "d_";
    /// A person, or whoever signs in.
    AccountId = "a_";
    /// One report about a job; the sender makes it, so that a repeated report is recognised.
    ReportId = "rep_";
    /// Fresh with every claim; the job's manifest repeats it.
    Nonce = "n_";
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn base32(random: &[u8; ID_RANDOM_BYTES]) -> String {
    // No i, l, o, u: codes are read aloud and typed.
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let bits = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    (0..20).map(|i| char::from(ALPHABET[(bits >> (i * 5)) as usize & 31])).collect()
}
