//! Key packages for LMNT printers: `b64(ephemeral X25519 pub):b64(nonce24):b64(crypto_box(DEK))`.
//!
//! The sender is an ephemeral key, so a package proves nothing about who made it: the signed job manifest does, by
//! the hash of the package as it was sent.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use crypto_box::{
    SalsaBox,
    aead::{Aead, generic_array::GenericArray},
};
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::{Dek, ErrorCode, digest, x25519::Secret};

/// Wraps a content key for a printer.
pub fn wrap(
    dek: &Dek,
    recipient: &PrinterPublic,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<String, NaclBoxError> {
    let boxed = NaclBox::seal(dek.expose(), recipient, rng)?;
    let [sender, nonce, ciphertext] =
        [&boxed.sender[..], &boxed.nonce, &boxed.ciphertext].map(|part| BASE64_STANDARD.encode(part));
    Ok(format!("{sender}:{nonce}:{ciphertext}"))
}

/// Unwraps the content key of a package.
pub fn unwrap(package: &str, secret: &PrinterSecret) -> Result<Dek, NaclBoxError> {
    let mut parts = package.split(':');
    let (Some(sender), Some(nonce), Some(ciphertext), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(NaclBoxError::Format);
    };
    let boxed = NaclBox {
        sender: base64_array(sender)?,
        nonce: base64_array(nonce)?,
        ciphertext: base64_array::<{ Dek::LEN + 16 }>(ciphertext)?.to_vec(),
    };
    Dek::try_from(boxed.open(secret)?.as_slice()).map_err(|_| NaclBoxError::Format)
}

/// The secret of a printer: an X25519 key, erased when dropped.
#[derive(Clone)]
pub struct PrinterSecret(Secret);

impl PrinterSecret {
    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::generate(rng))
    }

    /// Takes over existing key bytes; the caller erases its own copy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// The key itself, for keeping it. Never log or print it.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Its public key.
    pub fn public(&self) -> PrinterPublic {
        PrinterPublic(self.0.public())
    }
}

impl fmt::Debug for PrinterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrinterSecret([redacted])")
    }
}

/// The public key of a printer: an X25519 u coordinate, standard base64 in text and JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PrinterPublic([u8; 32]);

impl PrinterPublic {
    /// Takes a key as it was sent. Keys that no honest device has are refused.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, NaclBoxError> {
        // Multiplying by any secret shows whether the point has low order: every clamped secret is a multiple of 8.
        Secret::from_bytes([1; 32]).diffie_hellman(&bytes).map_err(|_| NaclBoxError::PublicKey)?;
        Ok(Self(bytes))
    }

    /// The u coordinate.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Lower hex SHA-256 of the raw key, as printers name it.
    pub fn key_id(&self) -> String {
        digest::sha256_hex(&self.0)
    }
}

impl FromStr for PrinterPublic {
    type Err = NaclBoxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_bytes(base64_array(text).map_err(|_| NaclBoxError::PublicKey)?)
    }
}

impl fmt::Display for PrinterPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PrinterPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrinterPublic({self})")
    }
}

impl Serialize for PrinterPublic {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PrinterPublic {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Why a box could not be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NaclBoxError {
    /// Not three base64 parts of the right lengths.
    #[error("the key package is malformed")]
    Format,
    /// Made for another key, or changed.
    #[error("the key package was made for another printer, or changed on its way")]
    Open,
    /// A low-order or non-canonical public key.
    #[error("the public key is not a usable X25519 key")]
    PublicKey,
    /// The library refused to encrypt.
    #[error("the box could not be sealed")]
    Seal,
}

impl ErrorCode for NaclBoxError {
    fn code(&self) -> &'static str {
        match self {
            Self::Format => "key_package_malformed",
            Self::Open => "key_package_not_for_us",
            Self::PublicKey => "public_key_unusable",
            Self::Seal => "key_package_not_sealed",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Format => "Claim the job again; if it stays, report it to the store.",
            Self::Open => "Pair the printer again if its key changed, then send the job anew.",
            Self::PublicKey => "Send the 32 bytes of an X25519 public key in standard base64.",
            Self::Seal => "Try again.",
        }
    }
}

/// A NaCl box from a fresh ephemeral sender.
pub(crate) struct NaclBox {
    pub(crate) sender: [u8; 32],
    pub(crate) nonce: [u8; 24],
    pub(crate) ciphertext: Vec<u8>,
}

impl NaclBox {
    pub(crate) fn seal(
        plain: &[u8],
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, NaclBoxError> {
        let ephemeral = Secret::generate(rng);
        let mut nonce = [0; 24];
        rng.fill_bytes(&mut nonce);
        let ciphertext = salsa_box(&ephemeral, &recipient.0)?
            .encrypt(GenericArray::from_slice(&nonce), plain)
            .map_err(|_| NaclBoxError::Seal)?;
        Ok(Self { sender: ephemeral.public(), nonce, ciphertext })
    }

    pub(crate) fn open(&self, secret: &PrinterSecret) -> Result<Zeroizing<Vec<u8>>, NaclBoxError> {
        salsa_box(&secret.0, &self.sender)?
            .decrypt(GenericArray::from_slice(&self.nonce), self.ciphertext.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| NaclBoxError::Open)
    }
}

/// The box library does not look at the shared point, so it is looked at before.
fn salsa_box(secret: &Secret, public: &[u8; 32]) -> Result<SalsaBox, NaclBoxError> {
    secret.diffie_hellman(public).map_err(|_| NaclBoxError::PublicKey)?;
    Ok(SalsaBox::new(&(*public).into(), &(*secret.expose()).into()))
}

pub(crate) fn base64_array<const N: usize>(text: &str) -> Result<[u8; N], NaclBoxError> {
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| NaclBoxError::Format)?;
    bytes.try_into().map_err(|_| NaclBoxError::Format)
}
