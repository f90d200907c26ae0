//! Release statements, with any manifest.
#![no_main]

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use sealpost_envelope::release::{Release, Trust};

fuzz_target!(|data: &[u8]| {
    let Ok(read) = serde_json::from_slice::<Release>(data) else { return };
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key();
    let release = Release { publisher: public.to_bytes(), ..read };
    let Ok(signature) = release.sign(&key) else { return };
    assert_eq!(release.check(Some(&signature), Trust::Publisher(&public)), Ok(()));

    let travelled = serde_json::to_vec(&release).unwrap();
    let arrived: Release = serde_json::from_slice(&travelled).unwrap();
    assert_eq!(arrived.signed_bytes(), release.signed_bytes(), "the way changes what was signed");
    assert_eq!(arrived.verify(&signature, &public), Ok(()));

    let newer = Release { version: format!("{}0", arrived.version), ..arrived };
    assert!(newer.verify(&signature, &public).is_err(), "a changed release is taken");
});
