//! Tokens as they travel: JWTs (RFC 7519) signed with Ed25519 (RFC 8037). Pure: keys and time are parameters.
//!
//! A token is for people or for printers, said three times (`typ`, `aud` and the claims), and is never taken for the
//! other (RFC 8725, sections 3.8, 3.9 and 3.11). Only `EdDSA` is read; keys come from the server's own ring, never from the header.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use sealpost_envelope::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Longest token that is looked at, bytes.
const LIMIT: usize = 4096;
/// DER of an Ed25519 private key (RFC 8410, section 7) up to its 32 bytes.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Whom a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A person.
    User,
    /// A printer.
    Printer,
}

impl TokenKind {
    /// `typ` of the header.
    pub fn typ(self) -> &'static str {
        match self {
            Self::User => "sealpost-user+jwt",
            Self::Printer => "sealpost-printer+jwt",
        }
    }

    /// Claim `aud`.
    pub fn audience(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Printer => "printers",
        }
    }

    /// How rows name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Printer => "printer",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::User => Self::Printer,
            Self::Printer => Self::User,
        }
    }
}

/// What every token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Registered {
    /// The server's origin.
    pub iss: String,
    /// Account or printer id.
    pub sub: String,
    /// See [`TokenKind::audience`].
    pub aud: String,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds.
    pub nbf: i64,
    /// Unix seconds.
    pub exp: i64,
    /// Names the token, so that it can be revoked.
    pub jti: String,
}

/// What a user token says, in the names LMNT's clients know; what this server has nothing for is null.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the documented example")]
pub struct UserClaims {
    #[serde(flatten)]
    pub registered: Registered,
    pub user_id: String,
    pub email: String,
    pub name: Option<String>,
    pub account_type: &'static str,
    pub hedera_account_id: Option<String>,
    pub wallet_id: Option<String>,
    pub evm_address: Option<String>,
    pub wallet_created: Option<String>,
    pub roles: Vec<String>,
    pub permissions: Vec<String>,
    pub scope: Option<String>,
    pub profile_version: u32,
    pub last_login: Option<String>,
    pub device_id: Option<String>,
}

/// What a printer token says.
#[derive(Clone, Debug, Serialize)]
pub struct PrinterClaims {
    /// The common part.
    #[serde(flatten)]
    pub registered: Registered,
    /// The printer.
    pub printer_id: String,
    /// Its owner.
    pub user_id: String,
}

/// A key that signs tokens.
pub(crate) struct TokenSigner {
    kid: String,
    key: EncodingKey,
}

impl TokenSigner {
    pub(crate) fn new(kid: String, secret: &SigningKey) -> Self {
        let seed = Zeroizing::new(secret.to_bytes());
        let mut der = Zeroizing::new(PKCS8_PREFIX.to_vec());
        der.extend_from_slice(seed.as_slice());
        Self { kid, key: EncodingKey::from_ed_der(&der) }
    }

    pub(crate) fn sign(
        &self,
        kind: TokenKind,
        claims: &impl Serialize,
    ) -> Result<Zeroizing<String>, jsonwebtoken::errors::Error> {
        let header = Header {
            typ: Some(kind.typ().to_owned()),
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        encode(&header, claims, &self.key).map(Zeroizing::new)
    }
}

/// Checks a token for `kind` against the keys of the server named `issuer`.
///
/// # Errors
/// Why it does not count.
pub(crate) fn verify(
    kind: TokenKind,
    token: &str,
    issuer: &str,
    now_s: i64,
    find: impl Fn(&str) -> Option<VerifyingKey>,
) -> Result<Registered, TokenError> {
    if token.len() > LIMIT {
        return Err(TokenError::Invalid);
    }
    let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
    let embedded =
        header.jwk.is_some() || header.jku.is_some() || header.x5u.is_some() || header.x5c.is_some();
    if header.alg != Algorithm::EdDSA || header.crit.is_some() || embedded {
        return Err(TokenError::Invalid);
    }
    let found = [kind, kind.other()].into_iter().find(|kind| header.typ.as_deref() == Some(kind.typ()));
    let found = found.ok_or(TokenError::Invalid)?;
    let kid = header.kid.ok_or(TokenError::Invalid)?;
    let key = find(&kid).ok_or(TokenError::UnknownKey)?;

    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    rules.set_audience(&[found.audience()]);
    rules.set_issuer(&[issuer]);
    // The library knows only the system's clock.
    rules.validate_exp = false;
    let claims = decode::<Registered>(token, &DecodingKey::from_ed_der(key.as_bytes()), &rules)
        .map_err(|_| TokenError::Invalid)?
        .claims;
    if found != kind {
        return Err(TokenError::OtherKind { found });
    }
    if claims.exp <= now_s {
        return Err(TokenError::Expired);
    }
    Ok(claims)
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not one of ours, or changed.
    #[error("the token is not valid here")]
    Invalid,
    /// Signed by a key that is not in the ring (any more).
    #[error("the token is signed by a key that is not in use here")]
    UnknownKey,
    /// Genuine, but for people where a printer is expected, or the other way round.
    #[error("the token is of another kind")]
    OtherKind {
        /// The kind it is.
        found: TokenKind,
    },
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Taken back.
    #[error("the token was revoked")]
    Revoked,
}

#[cfg(test)]
mod tests;
