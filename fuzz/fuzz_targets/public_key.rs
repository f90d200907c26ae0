//! Public and private keys of every curve, in bytes and in hex.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{
    Dek,
    digest::sha256,
    ecdh::{self, Agreement, Backend, Curve, Recipient, SecretKey},
};
use sealpost_fuzz::{Counting, strangers};

fuzz_target!(|data: &[u8]| {
    let Some((which, key)) = data.split_first() else { return };
    let curve = Curve::ALL[usize::from(*which) % Curve::ALL.len()];
    if let Ok(text) = std::str::from_utf8(key)
        && let Ok(recipient) = Recipient::from_hex(curve, text)
    {
        read(recipient, &hex::decode(text).unwrap());
    }
    if let Ok(recipient) = Recipient::new(curve, key) {
        read(recipient, key);
    }
    backends_agree(curve, key);
    if let Ok(secret) = SecretKey::from_bytes(curve, key) {
        assert_eq!(secret.expose(), key);
        let recipient = secret.recipient();
        let envelope = ecdh::wrap(&dek(), &recipient, "p", &mut Counting::default()).unwrap();
        assert_eq!(ecdh::unwrap(&envelope, &secret, "p").unwrap(), dek());
        read(recipient.clone(), recipient.as_bytes());
    }
});

/// What holds for every key that is taken.
fn read(recipient: Recipient, bytes: &[u8]) {
    let curve = recipient.curve();
    let canonical = recipient.as_bytes();
    assert_eq!(canonical.len(), curve.public_len());
    assert_eq!(recipient.salt(), sha256(canonical));
    assert_eq!(Recipient::new(curve, canonical).as_ref(), Ok(&recipient));
    assert_eq!(Recipient::from_hex(curve, &recipient.to_hex()).as_ref(), Ok(&recipient));
    if bytes.len() == canonical.len() {
        assert_eq!(bytes, canonical, "two spellings of one length");
    } else {
        let (_, x) = canonical.split_first().unwrap();
        assert_eq!((bytes[0], &bytes[1..=x.len()]), (4, x), "not the uncompressed form of the same point");
    }
    let envelope = ecdh::wrap(&dek(), &recipient, "p", &mut Counting::default()).unwrap();
    for stranger in strangers() {
        assert!(ecdh::unwrap(&envelope, stranger, "p").is_err(), "opened for a stranger");
    }
}

/// Says something only in a build with the feature `native`.
fn backends_agree(curve: Curve, key: &[u8]) {
    let mut told = Backend::ALL.iter().map(|&backend| {
        let secret = SecretKey::generate_by(backend, curve, &mut Counting::default());
        let recipient = Recipient::new_by(backend, curve, key);
        let wrapped =
            recipient.map(|recipient| ecdh::wrap(&dek(), &recipient, "p", &mut Counting::default()));
        let own = SecretKey::from_bytes_by(backend, curve, key).map(|secret| secret.recipient());
        (secret.agree(key), wrapped, own)
    });
    let first = told.next();
    assert!(told.all(|other| Some(&other) == first.as_ref()), "the backends differ");
}

fn dek() -> Dek {
    Dek::from_bytes([9; 32])
}
