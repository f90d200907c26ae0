//! X25519 (RFC 7748) with the refusals of design section 3: a non-canonical u coordinate and an all-zero shared
//! secret.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// 2^255 - 19, little endian.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// A public key nobody should agree on a secret with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the X25519 public key is not usable")]
pub struct BadPoint;

/// An X25519 secret, erased when dropped.
#[derive(Clone)]
pub struct Secret(StaticSecret);

impl Secret {
    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(StaticSecret::random_from_rng(rng))
    }

    /// Takes over existing key bytes; the caller erases its own copy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// The key itself, for keeping it. Never log or print it.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Its public u coordinate.
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// The raw shared u coordinate, never all zero.
    pub fn diffie_hellman(&self, public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, BadPoint> {
        check_canonical(public)?;
        let shared = Zeroizing::new(self.0.diffie_hellman(&PublicKey::from(*public)).to_bytes());
        if shared.ct_eq(&[0; 32]).into() {
            return Err(BadPoint);
        }
        Ok(shared)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// Refuses a u coordinate that is not reduced modulo 2^255 - 19 or has the high bit set.
pub(crate) fn check_canonical(u: &[u8; 32]) -> Result<(), BadPoint> {
    if u.iter().rev().lt(PRIME.iter().rev()) { Ok(()) } else { Err(BadPoint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::from_bytes([7; 32])
    }

    /// The points of order 1, 2, 4 and 8 in canonical form, and the prime and its neighbour, which are not canonical.
    #[test]
    fn low_order_and_non_canonical_points_are_refused() {
        let mut minus_one = PRIME;
        minus_one[0] -= 1;
        let mut plus_one = PRIME;
        plus_one[0] += 1;
        let mut one = [0; 32];
        one[0] = 1;
        let order_8 = [
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ]
        .map(|text| crate::text::hex_array(text).unwrap());

        for point in [[0; 32], one, minus_one, PRIME, plus_one, order_8[0], order_8[1], [0xff; 32]] {
            assert_eq!(secret().diffie_hellman(&point), Err(BadPoint), "{}", hex::encode(point));
        }
    }

    #[test]
    fn an_ordinary_point_is_agreed_on_by_both_sides() {
        let other = Secret::from_bytes([9; 32]);
        let mine = secret().diffie_hellman(&other.public()).unwrap();
        let theirs = other.diffie_hellman(&secret().public()).unwrap();
        assert_eq!(mine, theirs);
    }
}
