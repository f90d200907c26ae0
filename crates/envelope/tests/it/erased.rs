//! Secrets are gone from memory when they are dropped.

use std::io::{BufRead, Write};

use sealpost_envelope::{
    ContentCipher, Dek, Opener, PrinterSecret, Sealer, SecretText, SigningKey,
    challenge::Challenge,
    domain::{DomainKey, DomainSecret},
    ecdh::{Backend, Curve, SecretKey},
    psek::Psek,
    x25519,
};

use crate::common::rng;
use crate::memory::{gives_back_erased, is_erased};

#[test]
fn keys_leave_nothing_where_they_were() {
    let key = bytes::<32>();
    assert!(is_erased(&key, Dek::from_bytes(key)), "Dek");
    assert!(is_erased(&key, DomainKey::from_bytes(key)), "DomainKey");
    assert!(is_erased(&key, Psek::from_bytes(key)), "Psek");
    assert!(is_erased(&key, PrinterSecret::from_bytes(key)), "PrinterSecret");
    assert!(is_erased(&key, SigningKey::from_bytes(&key)), "SigningKey");
    assert!(is_erased(&key, x25519::Secret::from_bytes(key)), "x25519::Secret");
    assert!(is_erased(&key, Challenge::from_parts("origin", "printer", key)), "Challenge");
}

#[test]
fn recipients_keys_of_every_curve_and_backend_leave_nothing_where_they_were() {
    let key = bytes::<48>();
    for &backend in Backend::ALL {
        for curve in Curve::ALL {
            let key = if curve == Curve::P384 { &key[..] } else { &key[..32] };
            let secret = SecretKey::from_bytes_by(backend, curve, key).unwrap();
            assert!(is_erased(key, secret), "{curve} by {backend:?}");
        }
    }
}

#[test]
fn secrets_of_any_length_leave_nothing_where_they_were() {
    let text = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(3);
    let secret = SecretText::new(text.clone());
    assert!(gives_back_erased(secret, |secret| secret.expose().as_bytes()), "SecretText");

    let secret = DomainSecret::new(text.into_bytes()).unwrap();
    assert!(gives_back_erased(secret, |secret| secret.expose()), "DomainSecret");
}

#[test]
fn opened_files_leave_nothing_where_they_were() {
    let dek = Dek::from_bytes(bytes());
    for cipher in [ContentCipher::Aes256Gcm, ContentCipher::Aes256Cbc, ContentCipher::Age] {
        let mut sealer = Sealer::new(cipher, &dek, &mut rng(), Vec::new()).unwrap();
        sealer.write_all(&[7; 50_000]).unwrap();
        let iv = sealer.iv();
        let blob = sealer.finish().unwrap();
        let opener = Opener::new(cipher, &dek, iv, blob.as_slice()).unwrap();
        assert!(gives_back_erased(opener, |opener| opener.fill_buf().unwrap()), "{cipher}");
    }
}

#[test]
fn what_is_not_erased_is_found() {
    let key = bytes::<32>();
    assert!(!is_erased(&key, key));
    assert!(!gives_back_erased(vec![7_u8; 100], |secret| secret));
}

/// No two bytes are the same, none is zero, and it is below the order of every curve.
fn bytes<const N: usize>() -> [u8; N] {
    std::array::from_fn(|at| at as u8 * 5 + 1)
}
