//! Job manifests: any header and any claims, signed correctly.
#![no_main]

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{Expected, JobManifest, KeySet, KeyUse, keyset, manifest::LEEWAY};
use sealpost_fuzz::{key, read_signed};

const NOW: u64 = 1_790_000_100;
const EXPECTED: Expected<'static> = Expected {
    iss: "https://store.example",
    printer: "prn_7",
    job: "job_42",
    nonce: "fbed7d47e3d2f7f4a3747e1daa12c7dc",
};

fuzz_target!(|data: &[u8]| {
    let signer =
        SigningKey::from_bytes(&key("3790a4773914a5f1f9e142515e3417c861911767a02657b99bcf354a5bc8f35d"));
    let known = keyset::SetKey::new(KeyUse::Jobs, signer.verifying_key());
    let kid = known.kid.clone();
    let keys = KeySet { iss: EXPECTED.iss.into(), version: 1, iat: NOW, keys: vec![known] };

    if let Ok(text) = std::str::from_utf8(data) {
        let stranger = keyset::SetKey::new(KeyUse::Jobs, SigningKey::from_bytes(&[8; 32]).verifying_key());
        let strangers =
            KeySet { keys: vec![keyset::SetKey { kid: kid.clone(), ..stranger }], ..keys.clone() };
        assert!(
            JobManifest::verify(text, &strangers, EXPECTED, NOW).is_err(),
            "another key's signature counts"
        );
    }

    let Some(signed) = read_signed(data, &signer) else { return };
    let Ok(manifest) = JobManifest::verify(&signed.jws, &keys, EXPECTED, NOW) else { return };
    signed.assert_acceptable("sealpost-job+jwt", &kid);
    assert_eq!(manifest.iss, EXPECTED.iss);
    assert_eq!(manifest.aud, EXPECTED.printer);
    assert_eq!(manifest.job, EXPECTED.job);
    assert_eq!(manifest.nonce, EXPECTED.nonce);
    assert!(manifest.iat <= NOW + LEEWAY && NOW < manifest.exp);
    assert_eq!(manifest.iv.is_some(), manifest.cipher.has_outer_iv());

    let again = manifest.sign(&signer).unwrap();
    assert_eq!(JobManifest::verify(&again, &keys, EXPECTED, NOW).unwrap(), manifest);
});
