use zeroize::Zeroizing;

use super::{Backend, Curve, EcdhError, canonical::check_form};
use crate::{digest, x25519};

/// Something that holds a recipient's private key and agrees on secrets with it, without giving it away: a key in
/// memory ([`SecretKey`](super::SecretKey)), a hardware wallet, a wallet in another process.
pub trait Agreement {
    /// The curve of the key.
    fn curve(&self) -> Curve;

    /// The raw shared x coordinate with a public key: 32 bytes, P-384 48, X25519 and Ed25519 the u coordinate.
    ///
    /// `public` is a SEC1 point, compressed or not, or an X25519 u (for Ed25519 too). Public keys that design section 3
    /// refuses are an [`EcdhError::PublicKey`] or [`EcdhError::PublicKeyLength`]; [`EcdhError::Holder`] is for a holder
    /// that cannot be reached or whose owner refuses.
    ///
    /// [`unwrap`](super::unwrap) looks at the length and form of `public` before it asks, not at whether it is on the
    /// curve: in front of a device that does not look either, read it with [`Recipient::new`](super::Recipient::new).
    fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError>;

    /// The salt of envelopes written here for this key ([`Recipient::salt`](super::Recipient::salt)), if the holder can
    /// tell: of many envelopes these are tried first, so that a wallet need not ask its owner once for each.
    fn salt(&self) -> Option<[u8; 32]> {
        None
    }
}

impl Agreement for x25519::Secret {
    fn curve(&self) -> Curve {
        Curve::X25519
    }

    fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
        let (backend, curve) = (Backend::IN_USE, Curve::X25519);
        check_form(curve, public)?;
        let secret = backend.secret(curve, self.expose()).ok_or(EcdhError::SecretKey { curve })?;
        secret.agree(&backend.public(curve, public).ok_or(EcdhError::PublicKey)?)
    }

    fn salt(&self) -> Option<[u8; 32]> {
        Some(digest::sha256(&self.public()))
    }
}
