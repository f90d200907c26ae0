//! No secret type shows its secret to whoever prints it for finding a fault.

use std::fmt::Debug;
use std::io;

use sealpost_envelope::{
    ContentCipher, Dek, Opener, PrinterSecret, Sealer, SecretText, SeekableOpener, SigningKey,
    challenge::Challenge,
    domain::{DomainKey, DomainSecret},
    ecdh::{Curve, SecretKey},
    psek::Psek,
    x25519,
};

use crate::common::rng;

const KEY: [u8; 32] = [0xab; 32];

#[test]
fn secrets_show_nothing_of_themselves() {
    let dek = Dek::from_bytes(KEY);
    let sealed = Sealer::new(ContentCipher::Age, &dek, &mut rng(), Vec::new()).unwrap().finish().unwrap();
    let seekable = SeekableOpener::new(&dek, io::Cursor::new(sealed)).unwrap();
    let mut secrets: Vec<Box<dyn Debug>> = vec![
        Box::new(dek.clone()),
        Box::new(DomainKey::from_bytes(KEY)),
        Box::new(DomainSecret::new(KEY.to_vec()).unwrap()),
        Box::new(Psek::from_bytes(KEY)),
        Box::new(PrinterSecret::from_bytes(KEY)),
        Box::new(x25519::Secret::from_bytes(KEY)),
        Box::new(SecretText::new("token-abab".into())),
        Box::new(Challenge::from_parts("origin", "printer", KEY)),
        Box::new(seekable),
    ];
    for curve in Curve::ALL {
        let key = if curve == Curve::P384 { [KEY, KEY].concat()[..48].to_vec() } else { KEY.to_vec() };
        secrets.push(Box::new(SecretKey::from_bytes(curve, &key).unwrap()));
    }
    for cipher in [ContentCipher::Age, ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        secrets.push(Box::new(Sealer::new(cipher, &dek, &mut rng(), io::sink()).unwrap()));
    }
    secrets.push(Box::new(Opener::new(ContentCipher::Aes256Cbc, &dek, Some([1; 16]), io::empty()).unwrap()));
    secrets.push(Box::new(Opener::new(ContentCipher::Aes256Gcm, &dek, None, io::empty()).unwrap()));

    for secret in secrets {
        for shown in [format!("{secret:?}"), format!("{secret:#?}")] {
            assert!(shown.contains("[redacted]") && !shows_the_key(&shown), "{shown}");
        }
    }
}

#[test]
fn a_signing_key_shows_its_public_key_at_most() {
    assert!(!shows_the_key(&format!("{:?}", SigningKey::from_bytes(&KEY))));
    assert!(shows_the_key(&format!("{KEY:?}")) && shows_the_key(&format!("{KEY:#x?}")));
}

/// In hex or decimal, in one piece or in parts.
fn shows_the_key(shown: &str) -> bool {
    ["abab", "171", "0xab"].iter().any(|part| shown.to_lowercase().contains(part))
}
