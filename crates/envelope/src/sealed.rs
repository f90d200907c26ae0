//! Messages to a printer, sealed to its key: `{ciphertext, nonce, sender_pubkey}`, all standard base64, a NaCl box
//! from an ephemeral sender. Used for pairing grants, challenges and tokens.
//!
//! What is inside names its purpose and origin, because the box itself proves nothing about its sender.

use base64::{Engine, prelude::BASE64_STANDARD};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    ErrorCode, NaclBoxError, PrinterPublic, PrinterSecret,
    nacl_box::{NaclBox, base64_array},
    text,
};

/// Longest ciphertext that is opened, in characters of its base64.
const LIMIT: usize = 64 << 10;

/// A sealed message as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedMessage {
    /// base64 of the box.
    pub ciphertext: String,
    /// base64 of the 24-byte nonce.
    pub nonce: String,
    /// base64 of the ephemeral X25519 key of the sender.
    pub sender_pubkey: String,
}

impl SealedMessage {
    /// Seals bytes for a printer.
    pub fn seal(
        plain: &[u8],
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, SealedError> {
        let boxed = NaclBox::seal(plain, recipient, rng)?;
        Ok(Self {
            ciphertext: BASE64_STANDARD.encode(boxed.ciphertext),
            nonce: BASE64_STANDARD.encode(boxed.nonce),
            sender_pubkey: BASE64_STANDARD.encode(boxed.sender),
        })
    }

    /// Opens bytes with the printer's secret.
    pub fn open(&self, secret: &PrinterSecret) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        if self.ciphertext.len() > LIMIT {
            return Err(SealedError::Malformed);
        }
        let boxed = NaclBox {
            sender: base64_array(&self.sender_pubkey)?,
            nonce: base64_array(&self.nonce)?,
            ciphertext: BASE64_STANDARD.decode(&self.ciphertext).map_err(|_| SealedError::Malformed)?,
        };
        Ok(boxed.open(secret)?)
    }

    pub(crate) fn seal_json(
        value: &impl Serialize,
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, SealedError> {
        let json = Zeroizing::new(text::canonical(value).map_err(|_| SealedError::Malformed)?);
        Self::seal(&json, recipient, rng)
    }

    pub(crate) fn open_json<T: DeserializeOwned>(&self, secret: &PrinterSecret) -> Result<T, SealedError> {
        serde_json::from_slice(&self.open(secret)?).map_err(|_| SealedError::Malformed)
    }
}

/// Why a sealed message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedError {
    /// The box did not open.
    #[error(transparent)]
    Box(#[from] NaclBoxError),
    /// Not the expected JSON.
    #[error("the sealed message is malformed")]
    Malformed,
    /// Meant for another store.
    #[error("the sealed message comes from another store than this one was asked")]
    Origin,
    /// Made for something else.
    #[error("the sealed message serves another purpose")]
    Purpose,
    /// Belongs to another printer.
    #[error("the sealed message is about another printer")]
    Printer,
    /// Belongs to another pairing session or challenge.
    #[error("the sealed message belongs to another session")]
    Session,
    /// The answer to a challenge is wrong.
    #[error("the answer does not fit the challenge")]
    WrongAnswer,
}

impl ErrorCode for SealedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Box(error) => error.code(),
            Self::Malformed => "sealed_malformed",
            Self::Origin => "sealed_wrong_origin",
            Self::Printer => "sealed_wrong_printer",
            Self::Purpose => "sealed_wrong_purpose",
            Self::Session => "sealed_wrong_session",
            Self::WrongAnswer => "challenge_failed",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Box(_) | Self::WrongAnswer => "Pair the printer again.",
            Self::Session => "Start again.",
            Self::Malformed | Self::Purpose => {
                "Update the printer's agent and the store to matching versions."
            }
            Self::Origin | Self::Printer => "Check the store's address and pair the printer again.",
        }
    }
}
