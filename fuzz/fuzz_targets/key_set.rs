//! Key sets: any header and any claims, signed correctly.
#![no_main]

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{KeySet, keyset};
use sealpost_fuzz::{key, read_signed};

fuzz_target!(|data: &[u8]| {
    let root =
        SigningKey::from_bytes(&key("0d4543f00a43038c2d87622942267a798f56a969a7f54210f1e67006e900cbe1"));
    let public = root.verifying_key();
    if let Ok(text) = std::str::from_utf8(data) {
        let stranger = SigningKey::from_bytes(&[8; 32]).verifying_key();
        assert!(KeySet::verify(text, &stranger, None).is_err(), "another root's signature counts");
        if let Ok(key) = keyset::public_key_from_hex(text) {
            assert_eq!(hex::encode(key.as_bytes()), text);
            assert!(!key.is_weak());
        }
    }

    let Some(signed) = read_signed(data, &root) else { return };
    let Ok(set) = KeySet::verify(&signed.jws, &public, None) else { return };
    signed.assert_acceptable("sealpost-keys+jwt", &keyset::key_id(&public));
    for key in &set.keys {
        assert_eq!(key.kid, keyset::key_id(&key.public));
        assert!(!key.public.is_weak());
    }
    assert!(KeySet::verify(&signed.jws, &public, Some(set.version)).is_err(), "a set replaces itself");

    let again = set.sign(&root).unwrap();
    assert_eq!(KeySet::verify(&again, &public, None).unwrap(), set);
});
