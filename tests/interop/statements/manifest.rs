use sealpost_envelope::keyset::{self, SetKey};
use sealpost_envelope::{ContentCipher, Expected, JobManifest, KeySet, KeyUse};
use serde_json::{Value, json};

use super::{NOW, public, python, seed};
use crate::cases::Cases;
use crate::peer::text;

#[test]
fn python_agrees_on_job_manifests() {
    let (mut cases, mut python) = (Cases::new("manifest"), python());
    for _ in 0..Cases::count() {
        let key = keyset::generate(cases.rng());
        let manifest = manifest(&mut cases);
        let keys = KeySet {
            iss: manifest.iss.clone(),
            version: 1,
            iat: NOW,
            keys: vec![SetKey::new(KeyUse::Jobs, key.verifying_key())],
        };
        let expected = Expected {
            iss: &manifest.iss,
            printer: &manifest.aud,
            job: &manifest.job,
            nonce: &manifest.nonce,
        };

        let jws = manifest.sign(&key).unwrap();
        let request = json!({"publicKey": public(&key), "jws": jws});
        assert_eq!(python.ask("verifyManifest", request)["claims"], claims(&manifest));
        let request = json!({"publicKey": public(&keyset::generate(cases.rng())), "jws": jws});
        assert!(python.try_ask("verifyManifest", request).is_err());

        let request = json!({"seed": seed(&key), "claims": claims(&manifest)});
        let theirs = python.ask("signManifest", request);
        assert_eq!(JobManifest::verify(text(&theirs, "jws"), &keys, expected, NOW).unwrap(), manifest);
        assert_eq!(text(&theirs, "jws"), jws);
    }
}

/// The claims as the format's description says them, written without the crate.
fn claims(manifest: &JobManifest) -> Value {
    let mut claims = json!({
        "v": 1, "iss": manifest.iss, "aud": manifest.aud, "job": manifest.job, "listing": manifest.listing,
        "release": manifest.release, "nonce": manifest.nonce, "cipher": manifest.cipher.as_str(),
        "blob_sha256": hex::encode(manifest.blob_sha256), "blob_size": manifest.blob_size.to_string(),
        "key_sha256": hex::encode(manifest.key_sha256), "plain_sha256": hex::encode(manifest.plain_sha256),
        "plain_size": manifest.plain_size.to_string(), "iat": manifest.iat, "exp": manifest.exp,
    });
    if let Some(iv) = manifest.iv {
        claims["iv"] = hex::encode(iv).into();
    }
    claims
}

fn manifest(cases: &mut Cases) -> JobManifest {
    let cipher = [ContentCipher::Age, ContentCipher::Aes256Cbc][cases.below(2)];
    JobManifest {
        iss: format!("https://{}.example", cases.plugin_id()),
        aud: cases.plugin_id(),
        job: cases.plugin_id(),
        listing: cases.plugin_id(),
        release: cases.plugin_id(),
        nonce: hex::encode(cases.array::<16>()),
        cipher,
        iv: cipher.has_outer_iv().then(|| cases.array()),
        blob_sha256: cases.array(),
        blob_size: u64::from_be_bytes(cases.array()),
        key_sha256: cases.array(),
        plain_sha256: cases.array(),
        plain_size: u64::from_be_bytes(cases.array()),
        iat: NOW,
        exp: NOW + 3600,
    }
}
