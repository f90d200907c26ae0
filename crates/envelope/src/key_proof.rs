//! How somebody proves to a store that a device key is theirs, without signing by it: keys of wallets never sign.
//!
//! 1. The store draws a secret of 32 bytes and wraps it for the key as an `ecdh` envelope, whose plugin id is the
//!    [`context`].
//! 2. The holder makes the context themselves, of the store they talk to and the account they are signed in to, opens
//!    the envelope for that one alone and [answers](respond). So nobody can pass a challenge on to somebody else's
//!    holder and use the answer.
//! 3. The store [checks](check) the answer, which holds nothing of what was in the envelope.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    Dek,
    ecdh::{self, EcdhError, Envelope, SecretKey},
    text::hex_array,
};

const LABEL: &[u8] = b"sealpost-key-proof-v1\n";

/// An account's id with a character that ids do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account's id has characters other than letters, digits and `_`")]
pub struct AccountIdError;

/// What a challenge is bound to: the store's origin, such as `https://shop.example`, and the account's id.
///
/// # Errors
/// When the id has anything but ASCII letters, digits and `_`, or nothing: it is the store that names the account, and with a
/// colon in it `https://shop.example` could speak for `https://shop.example:8443`.
pub fn context(origin: &str, account: &str) -> Result<String, AccountIdError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match !account.is_empty() && account.bytes().all(plain) {
        true => Ok(format!("sealpost-key:{origin}:{account}")),
        false => Err(AccountIdError),
    }
}

/// Holder: opens a challenge that was made for `context` and answers it.
///
/// # Errors
/// Those of [`ecdh::unwrap`]: when it is for another key, or was made for another context.
pub fn respond(challenge: &Envelope, key: &SecretKey, context: &str) -> Result<String, EcdhError> {
    let secret = ecdh::unwrap(challenge, key, context)?;
    Ok(answer(&secret, context))
}

/// Lower hex of HMAC-SHA256 (RFC 2104), keyed by the secret of a challenge, over `"sealpost-key-proof-v1\n"` and the
/// context.
#[must_use]
pub fn answer(secret: &Dek, context: &str) -> String {
    hex::encode(mac(secret, context).finalize().into_bytes())
}

/// Store: whether an answer is the right one, compared in constant time.
#[must_use]
pub fn check(secret: &Dek, context: &str, answer: &str) -> bool {
    hex_array::<32>(answer).is_some_and(|answer| mac(secret, context).verify_slice(&answer).is_ok())
}

fn mac(secret: &Dek, context: &str) -> Hmac<Sha256> {
    // HMAC fills a key up to a block with zeros; given a whole block, nothing can fail.
    let mut block = Zeroizing::new([0; 64]);
    block[..Dek::LEN].copy_from_slice(secret.expose());
    let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
    mac.update(LABEL);
    mac.update(context.as_bytes());
    mac
}
