//! The end of pairing: what the store seals to the new printer's key, and the code both sides show.

use ed25519_dalek::VerifyingKey;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    PrinterPublic, PrinterSecret, SealedError, SealedMessage, SecretText, keyset,
    text::{decimal, lower_hex},
};

const PURPOSE: &str = "sealpost-pairing-v1";
const CODE_LABEL: &[u8] = b"sealpost-pairing-code-v1\n";

/// What a printer gets when its owner has approved it.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The store's origin.
    pub origin: String,
    /// The pairing session.
    pub session: String,
    /// The store's root key, which the printer pins.
    pub store_root_key: VerifyingKey,
    /// The printer's id.
    pub printer_id: String,
    /// The printer's token.
    pub token: SecretText,
    /// When the token expires, in Unix seconds.
    pub expires_at: u64,
}

impl Grant {
    /// Store: seals the grant to the key that asked for pairing.
    pub fn seal(
        &self,
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SealedMessage, SealedError> {
        self.seal_saying(self.expires_at.to_string(), recipient, rng)
    }

    /// Store: the same for the deployed LMNT plugin, which reads the end of the token as RFC 3339 and takes any other form for
    /// a token without one.
    pub fn seal_for_lmnt(
        &self,
        expires_at: &str,
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SealedMessage, SealedError> {
        self.seal_saying(expires_at.to_owned(), recipient, rng)
    }

    fn seal_saying(
        &self,
        expires_at: String,
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SealedMessage, SealedError> {
        let body = Body {
            purpose: PURPOSE.into(),
            origin: self.origin.clone(),
            session: self.session.clone(),
            store_root_key: self.store_root_key.to_bytes(),
            printer_id: self.printer_id.clone(),
            token: self.token.clone(),
            expires_at,
        };
        SealedMessage::seal_json(&body, recipient, rng)
    }

    /// Printer: opens the grant of the store and session it started with.
    pub fn open(
        sealed: &SealedMessage,
        secret: &PrinterSecret,
        origin: &str,
        session: &str,
    ) -> Result<Self, SealedError> {
        let body: Body = sealed.open_json(secret)?;
        if body.purpose != PURPOSE {
            return Err(SealedError::Purpose);
        }
        if body.origin != origin {
            return Err(SealedError::Origin);
        }
        if body.session != session {
            return Err(SealedError::Session);
        }
        let store_root_key = keyset::public_key(&body.store_root_key).map_err(|_| SealedError::Malformed)?;
        Ok(Self {
            origin: body.origin,
            session: body.session,
            store_root_key,
            printer_id: body.printer_id,
            token: body.token,
            expires_at: decimal::parse(&body.expires_at).ok_or(SealedError::Malformed)?,
        })
    }
}

/// Six digits such as `417-209` over both keys and the session, for people to compare.
///
/// It catches mix-ups and a relay that swapped a key without effort. It is too short to stop one that searches for
/// colliding keys: that is what TLS is for.
pub fn short_code(printer: &PrinterPublic, store_root_key: &VerifyingKey, session: &str) -> String {
    let hash = Sha256::new()
        .chain_update(CODE_LABEL)
        .chain_update(printer.as_bytes())
        .chain_update(store_root_key.as_bytes())
        .chain_update(session.as_bytes())
        .finalize();
    let number = hash.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let digits = number % 1_000_000;
    format!("{:03}-{:03}", digits / 1000, digits % 1000)
}

#[derive(Serialize, Deserialize)]
struct Body {
    purpose: String,
    origin: String,
    session: String,
    #[serde(with = "lower_hex")]
    store_root_key: [u8; 32],
    printer_id: String,
    token: SecretText,
    expires_at: String,
}

#[cfg(test)]
mod tests;
