//! Release statements, with any manifest.
#![no_main]

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use sealpost_envelope::release::{Release, Trust};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(read) = serde_json::from_slice::<Release>(data) else { return };
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key();
    let release = Release { publisher: public.to_bytes(), ..read };
    let Ok(signature) = release.sign(&key) else { return };
    assert_eq!(release.check(Some(&signature), Trust::Publisher(&public)), Ok(()));

    // What is signed is what was said: RFC 8785 writes numbers another way, but none as another number.
    let signed = release.signed_bytes().unwrap();
    let said: Release =
        serde_json::from_slice(signed.strip_prefix(b"sealpost-release-v1\n").unwrap()).unwrap();
    assert!(
        same(&said.manifest.clone().into(), &release.manifest.clone().into()),
        "another manifest is signed"
    );
    assert_eq!(Release { manifest: release.manifest.clone(), ..said }, release);

    let travelled = serde_json::to_vec(&release).unwrap();
    let arrived: Release = serde_json::from_slice(&travelled).unwrap();
    assert_eq!(arrived.signed_bytes(), release.signed_bytes(), "the way changes what was signed");
    assert_eq!(arrived.verify(&signature, &public), Ok(()));

    let newer = Release { version: format!("{}0", arrived.version), ..arrived };
    assert!(newer.verify(&signature, &public).is_err(), "a changed release is taken");
});

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_i128(), other.as_i128()) {
            (Some(one), Some(other)) => one == other,
            _ => one.as_f64() == other.as_f64(),
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}
