//! How a printer proves itself with its key when its token is lost or refused.
//!
//! 1. The store seals a [`Challenge`] to the printer's key.
//! 2. The printer opens it, checks purpose, origin and its own id, and answers with an HMAC under the nonce. The
//!    answer never holds anything of the plaintext, so the printer cannot be used to open boxes for others.
//! 3. The store checks the answer and seals a [`TokenGrant`] bound to the same challenge.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    PrinterPublic, PrinterSecret, SealedError, SealedMessage, SecretText,
    text::{self, decimal, hex_array, lower_hex},
};

const PURPOSE: &str = "sealpost-challenge-v1";
const GRANT_PURPOSE: &str = "sealpost-token-v1";
const ANSWER_LABEL: &[u8] = b"sealpost-challenge-answer-v1\n";

/// A question only the holder of a printer's key can answer.
#[derive(Clone)]
pub struct Challenge {
    origin: String,
    printer: String,
    nonce: Zeroizing<[u8; 32]>,
}

impl Challenge {
    /// A fresh one, by the store at `origin` for the printer of that id.
    pub fn new(origin: &str, printer: &str, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut nonce = Zeroizing::new([0; 32]);
        rng.fill_bytes(nonce.as_mut_slice());
        Self { origin: origin.into(), printer: printer.into(), nonce }
    }

    /// One the store kept between the two requests.
    pub fn from_parts(origin: &str, printer: &str, nonce: [u8; 32]) -> Self {
        Self { origin: origin.into(), printer: printer.into(), nonce: Zeroizing::new(nonce) }
    }

    /// The secret to keep until the answer comes. Never send it.
    pub fn expose_nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    /// Store: what is sent.
    pub fn seal(
        &self,
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SealedMessage, SealedError> {
        SealedMessage::seal_json(&self.body(), recipient, rng)
    }

    /// Printer: opens a challenge and refuses it unless it comes from the store it asked and is about itself.
    pub fn open(
        sealed: &SealedMessage,
        secret: &PrinterSecret,
        origin: &str,
        printer: &str,
    ) -> Result<Self, SealedError> {
        let body: Body = sealed.open_json(secret)?;
        let challenge = Self::from_parts(&body.origin, &body.printer, body.nonce);
        check(&body.purpose, PURPOSE, &challenge, origin, printer)?;
        Ok(challenge)
    }

    /// Printer: the answer, lower hex.
    pub fn answer(&self) -> Result<String, SealedError> {
        Ok(hex::encode(self.mac()?.finalize().into_bytes()))
    }

    /// Store: compares an answer in constant time.
    pub fn check_answer(&self, answer: &str) -> Result<(), SealedError> {
        let answer: [u8; 32] = hex_array(answer).ok_or(SealedError::WrongAnswer)?;
        self.mac()?.verify_slice(&answer).map_err(|_| SealedError::WrongAnswer)
    }

    fn mac(&self) -> Result<Hmac<Sha256>, SealedError> {
        let fields = Zeroizing::new(text::canonical(&self.body()).map_err(|_| SealedError::Malformed)?);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.nonce.as_slice()).map_err(|_| SealedError::Malformed)?;
        mac.update(ANSWER_LABEL);
        mac.update(&fields);
        Ok(mac)
    }

    fn body(&self) -> Body {
        Body {
            purpose: PURPOSE.into(),
            origin: self.origin.clone(),
            printer: self.printer.clone(),
            nonce: *self.nonce,
        }
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenge {{ origin: {:?}, printer: {:?}, nonce: [redacted] }}", self.origin, self.printer)
    }
}

/// A new token, as the answer to an answered challenge.
#[derive(Debug, Clone)]
pub struct TokenGrant {
    /// The printer's token.
    pub token: SecretText,
    /// When it expires, in Unix seconds.
    pub expires_at: u64,
}

impl TokenGrant {
    /// Store: seals the token, bound to the challenge that was answered.
    pub fn seal(
        &self,
        challenge: &Challenge,
        recipient: &PrinterPublic,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SealedMessage, SealedError> {
        let body = GrantBody {
            purpose: GRANT_PURPOSE.into(),
            origin: challenge.origin.clone(),
            printer: challenge.printer.clone(),
            nonce: *challenge.nonce,
            token: self.token.clone(),
            expires_at: self.expires_at,
        };
        SealedMessage::seal_json(&body, recipient, rng)
    }

    /// Printer: opens the token that answers `challenge`.
    pub fn open(
        sealed: &SealedMessage,
        secret: &PrinterSecret,
        challenge: &Challenge,
    ) -> Result<Self, SealedError> {
        let body: GrantBody = sealed.open_json(secret)?;
        let found = Challenge::from_parts(&body.origin, &body.printer, body.nonce);
        check(&body.purpose, GRANT_PURPOSE, &found, &challenge.origin, &challenge.printer)?;
        if !bool::from(found.nonce.ct_eq(challenge.nonce.as_slice())) {
            return Err(SealedError::Session);
        }
        Ok(Self { token: body.token.clone(), expires_at: body.expires_at })
    }
}

fn check(
    purpose: &str,
    expected_purpose: &str,
    found: &Challenge,
    origin: &str,
    printer: &str,
) -> Result<(), SealedError> {
    if purpose != expected_purpose {
        return Err(SealedError::Purpose);
    }
    if found.origin != origin {
        return Err(SealedError::Origin);
    }
    if found.printer != printer {
        return Err(SealedError::Printer);
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Body {
    purpose: String,
    origin: String,
    printer: String,
    #[serde(with = "lower_hex")]
    nonce: [u8; 32],
}

impl Drop for Body {
    fn drop(&mut self) {
        self.nonce.zeroize();
    }
}

#[derive(Serialize, Deserialize)]
struct GrantBody {
    purpose: String,
    origin: String,
    printer: String,
    #[serde(with = "lower_hex")]
    nonce: [u8; 32],
    token: SecretText,
    #[serde(with = "decimal")]
    expires_at: u64,
}

impl Drop for GrantBody {
    fn drop(&mut self) {
        self.nonce.zeroize();
    }
}

#[cfg(test)]
mod tests;
