//! Receipts that anybody can check: compact JWS by one of a store's published keys.

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Serialize, de::DeserializeOwned};

use crate::jws;

/// `typ` of the header.
pub const TYPE: &str = "sealpost-receipt+jws";

/// Why a receipt was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receipt is not signed by this store, or was changed")]
pub struct NotGenuine;

/// Signs a receipt by the key that is published under `kid`.
///
/// # Errors
/// [`NotGenuine`] for claims that are no JSON object.
pub fn sign(claims: &impl Serialize, kid: &str, key: &SigningKey) -> Result<String, NotGenuine> {
    jws::sign(TYPE, kid, claims, key).map_err(|_| NotGenuine)
}

/// The claims of a receipt, signed by the key that `find` knows under its `kid`.
///
/// # Errors
/// [`NotGenuine`], whatever is wrong with it.
pub fn verify<T: DeserializeOwned>(
    jws: &str,
    find: impl FnOnce(&str) -> Option<VerifyingKey>,
) -> Result<T, NotGenuine> {
    jws::verify(jws, TYPE, find).map_err(|_| NotGenuine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_counts_as_it_was_signed_and_not_otherwise() {
        let (key, other) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
        let claims = serde_json::json!({"number": "P-1", "price": {"amount": "1999", "currency": "EUR"}});
        let signed = sign(&claims, "k", &key).unwrap();
        let find = |key: &SigningKey| {
            let public = key.verifying_key();
            move |kid: &str| (kid == "k").then_some(public)
        };
        assert_eq!(verify::<serde_json::Value>(&signed, find(&key)).unwrap(), claims);
        assert_eq!(verify::<serde_json::Value>(&signed, find(&other)), Err(NotGenuine));
        let mut changed = signed.clone().into_bytes();
        let at = signed.find('.').unwrap() + 5;
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(verify::<serde_json::Value>(&changed, find(&key)), Err(NotGenuine));
    }
}
