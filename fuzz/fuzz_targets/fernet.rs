//! Fernet tokens: as they are, and any body under a correct HMAC.
#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE};
use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{ContentCipher, Dek, ErrorCode};
use sealpost_fuzz::{open, stranger};
use sha2::Sha256;

/// Time and IV.
const HEAD: usize = 8 + 16;
const BLOCK: usize = 16;

fuzz_target!(|data: &[u8]| {
    let nobody = Dek::from_bytes(stranger(data));
    assert!(open(ContentCipher::Fernet, &nobody, None, data).1.is_err(), "opened for a stranger");

    let dek = Dek::from_bytes([7; 32]);
    let mut token = [&[0x80], data].concat();
    let mut mac = Hmac::<Sha256>::new_from_slice(&[7; 16]).unwrap();
    mac.update(&token);
    token.extend(mac.finalize().into_bytes());
    let (plain, end) = open(ContentCipher::Fernet, &dek, None, BASE64_URL_SAFE.encode(&token).as_bytes());
    match end {
        Ok(()) => {
            let body = data.len() - HEAD;
            assert!(body.is_multiple_of(BLOCK) && (body - BLOCK..body).contains(&plain.len()));
        }
        Err(error) => {
            let expected = if data.len() < HEAD + BLOCK { "blob_format" } else { "blob_corrupt" };
            assert_eq!(error.code(), expected);
            assert!(plain.is_empty(), "plaintext of a refused token was handed out");
        }
    }
});
