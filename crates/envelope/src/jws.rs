//! Compact JWS (RFC 7515) with EdDSA (RFC 8037), for statements of one type each.
//!
//! Written by hand because the JWT library neither refuses `crit` nor keys carried in the header, and checks Ed25519
//! through backends that accept small-order keys; `verify_strict` does not.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::text;

/// Longest statement that is looked at.
const LIMIT: usize = 64 << 10;

#[derive(Serialize)]
struct Written<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// Unknown members are ignored as the RFC demands; a repeated known one fails to parse.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    jku: bool,
    #[serde(default, deserialize_with = "present")]
    jwk: bool,
    #[serde(default, deserialize_with = "present")]
    x5c: bool,
    #[serde(default, deserialize_with = "present")]
    x5u: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JwsError {
    Algorithm,
    Critical,
    EmbeddedKey,
    Malformed,
    Signature,
    Type,
    UnknownKey,
}

pub(crate) fn sign(
    typ: &str,
    kid: &str,
    payload: &impl Serialize,
    key: &SigningKey,
) -> Result<String, serde_json::Error> {
    let header = text::canonical(&Written { alg: "EdDSA", kid, typ })?;
    let payload = text::canonical(payload)?;
    let mut jws = format!("{}.{}", encode(&header), encode(&payload));
    let signature = key.sign(jws.as_bytes()).to_bytes();
    jws.push('.');
    jws.push_str(&encode(&signature));
    Ok(jws)
}

/// The payload of a statement of type `typ`, signed by the key that `find` knows under its `kid`.
pub(crate) fn verify<T: DeserializeOwned>(
    jws: &str,
    typ: &str,
    find: impl FnOnce(&str) -> Option<VerifyingKey>,
) -> Result<T, JwsError> {
    if jws.len() > LIMIT {
        return Err(JwsError::Malformed);
    }
    let (signed, signature) = jws.rsplit_once('.').ok_or(JwsError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
    let header: Header = text::read_object(&decode(header)?).ok_or(JwsError::Malformed)?;
    if header.alg != "EdDSA" {
        return Err(JwsError::Algorithm);
    }
    if header.typ.as_deref() != Some(typ) {
        return Err(JwsError::Type);
    }
    if header.crit {
        return Err(JwsError::Critical);
    }
    if header.jku || header.jwk || header.x5c || header.x5u {
        return Err(JwsError::EmbeddedKey);
    }
    let key = header.kid.as_deref().and_then(find).ok_or(JwsError::UnknownKey)?;
    let signature = Signature::from_slice(&decode(signature)?).map_err(|_| JwsError::Signature)?;
    key.verify_strict(signed.as_bytes(), &signature).map_err(|_| JwsError::Signature)?;
    text::read_object(&decode(payload)?).ok_or(JwsError::Malformed)
}

/// A member that is there counts, even when it is `null`.
fn present<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(d)?;
    Ok(true)
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, JwsError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Malformed)
}
