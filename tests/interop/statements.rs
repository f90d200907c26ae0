//! Signed statements: what Python's `cryptography` and `rfc8785` sign holds here, and the other way round.

use sealpost_envelope::keyset::{self, SetKey};
use sealpost_envelope::{ContentCipher, Expected, JobManifest, KeySet, KeyUse, SigningKey};
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, text};

const NOW: u64 = 1_790_000_000;

#[test]
fn python_agrees_on_job_manifests() {
    let (mut cases, mut python) = (Cases::new("manifest"), Peer::python("statements"));
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
        let request = json!({"publicKey": hex::encode(key.verifying_key().as_bytes()), "jws": jws});
        assert_eq!(python.ask("verifyManifest", request)["claims"], claims(&manifest));
        let other = keyset::generate(cases.rng()).verifying_key();
        let request = json!({"publicKey": hex::encode(other.as_bytes()), "jws": jws});
        assert!(python.try_ask("verifyManifest", request).is_err());

        let request = json!({"seed": seed(&key), "claims": claims(&manifest)});
        let theirs = python.ask("signManifest", request);
        assert_eq!(JobManifest::verify(text(&theirs, "jws"), &keys, expected, NOW).unwrap(), manifest);
        // Ed25519 is deterministic and the JSON canonical, so even the bytes are the same.
        assert_eq!(text(&theirs, "jws"), jws);
    }
}

pub(crate) fn seed(key: &SigningKey) -> String {
    hex::encode(key.to_bytes())
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
