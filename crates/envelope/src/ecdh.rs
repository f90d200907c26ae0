//! The `ecdh` v1 key wrap: a fresh ephemeral key, HKDF-SHA256 and AES-256-GCM (design section 3).
//!
//! `wrapping = HKDF-SHA256(ikm = raw ECDH output, salt, info = "orbpro-marketplace:" + plugin id, 32 bytes)`, and the
//! wrapped key is `iv12 ‖ ct32 ‖ tag16` without associated data. The writer's salt is SHA-256 of the recipient's
//! canonical key, the reader takes the one in the envelope.
//!
//! | curve | public key | private key | ECDH output |
//! |---|---|---|---|
//! | `secp256k1`, `p256` | SEC1 compressed, 33 bytes | scalar, 32 bytes big endian | x, 32 bytes |
//! | `p384` | SEC1 compressed, 49 bytes | scalar, 48 bytes big endian | x, 48 bytes |
//! | `x25519` | u, 32 bytes (RFC 7748) | 32 bytes | u, 32 bytes |
//! | `ed25519` | 32 bytes (RFC 8032); the envelope's ephemeral key is an X25519 u | seed, 32 bytes | u, 32 bytes |
//!
//! ```
//! use sealpost_envelope::{Dek, ecdh::{self, Curve, Recipient, SecretKey}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! let wallet = SecretKey::generate(Curve::Secp256k1, &mut rng);
//! let public = wallet.recipient().to_hex();
//!
//! let dek = Dek::generate(&mut rng);
//! let recipient = Recipient::from_hex(Curve::Secp256k1, &public)?;
//! let envelope = ecdh::wrap(&dek, &recipient, "com.publisher.my-plugin", &mut rng)?;
//!
//! assert_eq!(ecdh::unwrap(&envelope, &wallet, "com.publisher.my-plugin")?, dek);
//! # Ok(())
//! # }
//! ```

mod agreement;
mod backend;
mod canonical;
mod curve;
mod envelope;
mod error;
mod montgomery;
mod recipient;
mod secret_key;

#[cfg(feature = "native")]
mod native;
mod pure;

#[cfg(test)]
mod tests;

pub use agreement::Agreement;
pub use backend::Backend;
pub use curve::{Curve, UnknownCurve};
pub use envelope::Envelope;
pub use error::EcdhError;
pub use recipient::Recipient;
pub use secret_key::SecretKey;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Dek, Digest, slot};
use canonical::check_form;

/// Stands before the plugin id in what the wrapping key is derived for.
pub(crate) const INFO: &str = "orbpro-marketplace:";

/// The `plugin_id` under which a publisher wraps a content key for a store's vault: it ties the key to the file as it is opened.
pub fn vault_plugin_id(plain: &Digest) -> String {
    format!("vault:{}", plain.hex())
}

/// Wraps a content key for one recipient. Draws the ephemeral key, then the 12 bytes of the IV.
pub fn wrap(
    dek: &Dek,
    recipient: &Recipient,
    plugin_id: &str,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Envelope, EcdhError> {
    let curve = recipient.curve().ephemeral();
    let backend = recipient.public().backend();
    let ephemeral = backend::draw(curve, rng, |bytes| backend.secret(curve, bytes));
    let ephemeral_pub = ephemeral.public().ok_or(EcdhError::Malformed)?;
    let shared = ephemeral.agree(recipient.public())?;
    let salt = recipient.salt();

    let wrapping = wrapping(&shared, &salt, plugin_id)?;
    let wrapped_dek = slot::seal(&wrapping, dek, rng).map_err(|_| EcdhError::Malformed)?;

    Ok(Envelope {
        ephemeral_pub: ephemeral_pub.as_slice().to_vec(),
        wrapped_dek,
        salt: salt.to_vec(),
        curve: recipient.curve(),
    })
}

/// Unwraps a content key with the key at hand, or with whatever holds it ([`Agreement`]).
pub fn unwrap(
    envelope: &Envelope,
    secret: &(impl Agreement + ?Sized),
    plugin_id: &str,
) -> Result<Dek, EcdhError> {
    if envelope.curve != secret.curve() {
        return Err(EcdhError::Curve { curve: envelope.curve, held: secret.curve() });
    }
    check_form(envelope.curve.ephemeral(), &envelope.ephemeral_pub)?;
    let shared = secret.agree(&envelope.ephemeral_pub)?;
    check_shared(envelope.curve, &shared)?;
    let wrapping = wrapping(&shared, &envelope.salt, plugin_id)?;
    slot::open(&wrapping, &envelope.wrapped_dek).map_err(|_| EcdhError::Open)
}

/// A holder elsewhere is not taken at its word: design section 3 refuses an all-zero output, and what is longer or
/// shorter was hashed, or is a whole point.
fn check_shared(curve: Curve, shared: &[u8]) -> Result<(), EcdhError> {
    if shared.len() != curve.secret_len() {
        return Err(EcdhError::Holder);
    }
    // On the other curves x = 0 is a point like any other.
    if curve.ephemeral() == Curve::X25519 && shared.ct_eq(&[0; 32]).into() {
        return Err(EcdhError::PublicKey);
    }
    Ok(())
}

fn wrapping(shared: &[u8], salt: &[u8], plugin_id: &str) -> Result<Zeroizing<[u8; 32]>, EcdhError> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), shared)
        .expand_multi_info(&[INFO.as_bytes(), plugin_id.as_bytes()], key.as_mut_slice())
        .map_err(|_| EcdhError::Malformed)?;
    Ok(key)
}
