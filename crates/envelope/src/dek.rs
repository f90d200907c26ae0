use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A content key: exactly 32 bytes, erased when dropped, compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Dek([u8; Dek::LEN]);

impl Dek {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut dek = Self([0; Self::LEN]);
        rng.fill_bytes(&mut dek.0);
        dek
    }

    /// Takes over existing key bytes; the caller erases its own copy.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The key itself. Never log, print or store it unwrapped.
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Dek {
    type Error = WrongLength;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        if bytes.len() != Self::LEN {
            return Err(WrongLength { expected: Self::LEN, found: bytes.len() });
        }
        let mut dek = Self([0; Self::LEN]);
        dek.0.copy_from_slice(bytes);
        Ok(dek)
    }
}

impl PartialEq for Dek {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Dek {}

impl fmt::Debug for Dek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dek([redacted])")
    }
}

/// Key bytes of another length than the key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of {expected} bytes was expected, {found} bytes were given")]
pub struct WrongLength {
    /// Bytes the key has.
    pub expected: usize,
    /// Bytes that were given.
    pub found: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key_byte() {
        assert_eq!(format!("{:?}", Dek::from_bytes([0xab; 32])), "Dek([redacted])");
    }

    #[test]
    fn other_lengths_are_refused() {
        for len in [0, 16, 31, 33, 64] {
            let refused = Dek::try_from(vec![0; len].as_slice()).unwrap_err();
            assert_eq!(refused, WrongLength { expected: 32, found: len });
        }
    }
}
