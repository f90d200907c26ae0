//! The `ecdh` v1 key wrap: a fresh ephemeral key, HKDF-SHA256 and AES-256-GCM (design section 3).
//!
//! `wrapping = HKDF-SHA256(ikm = raw ECDH output, salt, info = "orbpro-marketplace:" + plugin id, 32 bytes)`, and the
//! wrapped key is `iv12 ‖ ct32 ‖ tag16` without associated data. X25519 is the curve in use so far.

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag, aead::AeadInOut};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    Dek, Digest, ErrorCode, digest,
    text::{any_hex, wrapped_base64},
    x25519,
};

const INFO: &str = "orbpro-marketplace:";
const WRAPPED: usize = 12 + Dek::LEN + 16;

/// The `plugin_id` under which a publisher wraps a content key for a store's vault: it ties the key to the file as it is opened.
pub fn vault_plugin_id(plain: &Digest) -> String {
    format!("vault:{}", plain.hex())
}

/// Wraps a content key for one recipient.
pub fn wrap(
    dek: &Dek,
    recipient: &Recipient,
    plugin_id: &str,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Envelope, EcdhError> {
    let Recipient::X25519(public) = recipient;
    let ephemeral = x25519::Secret::generate(rng);
    let shared = ephemeral.diffie_hellman(public).map_err(|_| EcdhError::PublicKey)?;
    let salt = digest::sha256(recipient.as_bytes());

    let mut wrapped_dek = [0; WRAPPED];
    let (iv, sealed) = wrapped_dek.split_at_mut(12);
    let (key, tag) = sealed.split_at_mut(Dek::LEN);
    rng.fill_bytes(iv);
    key.copy_from_slice(dek.expose());
    let nonce = Nonce::try_from(&*iv).map_err(|_| EcdhError::Malformed)?;
    let sealed_tag = cipher(&*shared, &salt, plugin_id)?
        .encrypt_inout_detached(&nonce, &[], key.into())
        .map_err(|_| EcdhError::Malformed)?;
    tag.copy_from_slice(&sealed_tag);

    Ok(Envelope {
        ephemeral_pub: ephemeral.public().to_vec(),
        wrapped_dek,
        salt: salt.to_vec(),
        curve: recipient.curve(),
    })
}

/// Unwraps a content key.
pub fn unwrap(envelope: &Envelope, secret: &impl Agreement, plugin_id: &str) -> Result<Dek, EcdhError> {
    if envelope.curve != secret.curve() {
        return Err(EcdhError::Curve { curve: envelope.curve });
    }
    let shared = secret.agree(&envelope.ephemeral_pub)?;
    let (iv, sealed) = envelope.wrapped_dek.split_at(12);
    let (key, tag) = sealed.split_at(Dek::LEN);
    let nonce = Nonce::try_from(iv).map_err(|_| EcdhError::Malformed)?;
    let tag = Tag::try_from(tag).map_err(|_| EcdhError::Malformed)?;
    let mut opened = Zeroizing::new([0; Dek::LEN]);
    opened.copy_from_slice(key);
    cipher(&shared, &envelope.salt, plugin_id)?
        .decrypt_inout_detached(&nonce, &[], opened.as_mut_slice().into(), &tag)
        .map_err(|_| EcdhError::Open)?;
    Ok(Dek::from_bytes(*opened))
}

/// A wrapped content key as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender's fresh public key; hex in JSON.
    #[serde(rename = "ephemeralPub", with = "any_hex")]
    pub ephemeral_pub: Vec<u8>,
    /// `iv12 ‖ ct32 ‖ tag16`; standard base64 in JSON.
    #[serde(rename = "wrappedDEK", with = "wrapped_base64")]
    pub wrapped_dek: [u8; WRAPPED],
    /// The HKDF salt, SHA-256 of the recipient's key when written here; hex in JSON.
    #[serde(with = "any_hex")]
    pub salt: Vec<u8>,
    /// The recipient's curve.
    pub curve: Curve,
}

/// The curve of a recipient's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Curve {
    /// Edwards form of Curve25519.
    Ed25519,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// SEC 2 secp256k1.
    Secp256k1,
    /// Curve25519, Montgomery form.
    X25519,
}

/// A public key to wrap for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recipient {
    /// A u coordinate.
    X25519([u8; 32]),
}

impl Recipient {
    /// Takes a key in its canonical form; unusable keys are refused when wrapping.
    pub fn new(curve: Curve, public: &[u8]) -> Result<Self, EcdhError> {
        match curve {
            Curve::X25519 => Ok(Self::X25519(public.try_into().map_err(|_| EcdhError::PublicKey)?)),
            _ => Err(EcdhError::Curve { curve }),
        }
    }

    /// Its curve.
    pub fn curve(&self) -> Curve {
        match self {
            Self::X25519(_) => Curve::X25519,
        }
    }

    /// The canonical bytes the salt is taken over.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::X25519(public) => public,
        }
    }
}

/// Something that holds a recipient's private key and agrees on secrets with it, without giving it away.
pub trait Agreement {
    /// The curve of the key.
    fn curve(&self) -> Curve;

    /// The raw shared x coordinate (X25519: u) with a public key; unusable keys are refused.
    fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError>;
}

impl Agreement for x25519::Secret {
    fn curve(&self) -> Curve {
        Curve::X25519
    }

    fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
        let public = public.try_into().map_err(|_| EcdhError::PublicKey)?;
        let shared = self.diffie_hellman(&public).map_err(|_| EcdhError::PublicKey)?;
        Ok(Zeroizing::new(shared.to_vec()))
    }
}

/// Why a key could not be wrapped or unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EcdhError {
    /// Another curve than the key at hand, or one that is not supported.
    #[error("the envelope's curve does not fit the key at hand")]
    Curve {
        /// The curve that was asked for.
        curve: Curve,
    },
    /// Lengths or encodings are wrong.
    #[error("the envelope is malformed")]
    Malformed,
    /// Made for another key or plugin, or changed.
    #[error("the envelope was made for another key or file, or changed on its way")]
    Open,
    /// A low-order, off-curve or non-canonical public key.
    #[error("the public key is not usable on its curve")]
    PublicKey,
}

impl ErrorCode for EcdhError {
    fn code(&self) -> &'static str {
        match self {
            Self::Curve { .. } => "envelope_curve",
            Self::Malformed => "envelope_malformed",
            Self::Open => "envelope_not_for_us",
            Self::PublicKey => "envelope_public_key",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Curve { .. } => "Use a key of the envelope's curve.",
            Self::Malformed => "Fetch the envelope again.",
            Self::Open => "Check that key and file belong to this envelope.",
            Self::PublicKey => "Send the recipient's public key again.",
        }
    }
}

fn cipher(shared: &[u8], salt: &[u8], plugin_id: &str) -> Result<Aes256Gcm, EcdhError> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), shared)
        .expand_multi_info(&[INFO.as_bytes(), plugin_id.as_bytes()], key.as_mut_slice())
        .map_err(|_| EcdhError::Malformed)?;
    Ok(Aes256Gcm::new((&*key).into()))
}

#[cfg(test)]
mod tests;
