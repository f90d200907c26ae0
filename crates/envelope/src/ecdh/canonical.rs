//! Public keys as plain bytes.

use super::{Curve, EcdhError};
use crate::x25519::check_canonical;

/// Bytes of the longest: a compressed point on P-384.
const MAX: usize = 49;

/// The canonical bytes of a public key: SEC1 compressed, or 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Canonical {
    bytes: [u8; MAX],
    len: usize,
}

impl Canonical {
    /// Of bytes in canonical form, or of an uncompressed point. What is longer than any of them is none.
    pub(super) fn new(public: &[u8]) -> Option<Self> {
        let (first, rest) = public.split_first()?;
        let (first, rest) = match (first, rest.len()) {
            (4, 64 | 96) => {
                let (x, y) = rest.split_at(rest.len() / 2);
                (2 | (y.last()? & 1), x)
            }
            _ => (*first, rest),
        };
        let mut canonical = Self { bytes: [0; MAX], len: 1 + rest.len() };
        *canonical.bytes.first_mut()? = first;
        canonical.bytes.get_mut(1..canonical.len)?.copy_from_slice(rest);
        Some(canonical)
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Checks length and form of a public key of an agreement, before a library reads it: a SEC1 point, compressed or not,
/// or a canonical u. The other forms of SEC1 (the identity, hybrid, compact) are refused.
pub(super) fn check_form(curve: Curve, public: &[u8]) -> Result<(), EcdhError> {
    let wrong_length = EcdhError::PublicKeyLength { curve, found: public.len() };
    let compressed = curve.public_len();
    let form = match curve {
        Curve::X25519 | Curve::Ed25519 => {
            let u = public.try_into().map_err(|_| wrong_length)?;
            check_canonical(u).is_ok()
        }
        _ if public.len() == compressed => matches!(public.first(), Some(2 | 3)),
        _ if public.len() == 2 * compressed - 1 => public.first() == Some(&4),
        _ => return Err(wrong_length),
    };
    if form { Ok(()) } else { Err(EcdhError::PublicKey) }
}
