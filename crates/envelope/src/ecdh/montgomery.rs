//! Curve25519: u coordinates of low order, and Ed25519 keys as X25519 keys by the birational map of RFC 7748
//! section 4.1, as libsodium converts them.

use curve25519_dalek::{
    MontgomeryPoint,
    edwards::{CompressedEdwardsY, EdwardsPoint},
    traits::IsIdentity,
};
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::{Curve, EcdhError};

/// Whether a u coordinate is that of a point of order 1, 2, 4 or 8, on the curve or its twist.
pub(super) fn has_low_order(u: &[u8]) -> bool {
    let Ok(bytes) = u.try_into() else { return true };
    let by_eight = MontgomeryPoint(bytes).mul_bits_be([true, false, false, false].into_iter());
    by_eight.0 == [0; 32]
}

/// The u coordinate of an Ed25519 public key; refused unless it is canonical and of prime order.
pub(super) fn from_ed25519(public: &[u8]) -> Result<[u8; 32], EcdhError> {
    let bytes = public
        .try_into()
        .map_err(|_| EcdhError::PublicKeyLength { curve: Curve::Ed25519, found: public.len() })?;
    let compressed = CompressedEdwardsY(bytes);
    let point = compressed.decompress().ok_or(EcdhError::PublicKey)?;
    // Decompression takes a y of p or more, and a sign for x = 0; both come out differently.
    if point.compress() != compressed || !has_prime_order(&point) {
        return Err(EcdhError::PublicKey);
    }
    Ok(point.to_montgomery().to_bytes())
}

/// The X25519 private key of an Ed25519 seed: the first half of its SHA-512; X25519 clamps it.
pub(super) fn secret_from_seed(seed: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(SigningKey::from_bytes(seed).to_scalar_bytes())
}

/// The Ed25519 public key of a seed.
pub(super) fn ed25519_public(seed: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

fn has_prime_order(point: &EdwardsPoint) -> bool {
    point.is_torsion_free() && !point.is_identity()
}
