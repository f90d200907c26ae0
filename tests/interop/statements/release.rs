use sealpost_envelope::release::{Release, Trust};
use sealpost_envelope::{ContentCipher, SigningKey, keyset};
use serde_json::{Value, json};

use super::{public, python, seed};
use crate::cases::Cases;
use crate::peer::bytes;

const PREFIX: &str = "sealpost-release-v1\n";

#[test]
fn python_agrees_on_releases() {
    let (mut cases, mut python) = (Cases::new("release"), python());
    for _ in 0..4 * Cases::count() {
        let key = keyset::generate(cases.rng());
        let release = release(&mut cases, &key);
        let statement = statement(&release);

        let ours = release.sign(&key).unwrap();
        let mut request = json!({
            "publicKey": public(&key), "prefix": PREFIX, "statement": statement, "signature": hex::encode(ours),
        });
        python.ask("verify", request.clone());
        request["statement"]["version"] = "another".into();
        assert!(python.try_ask("verify", request).is_err(), "of another version");

        let request = json!({"seed": seed(&key), "prefix": PREFIX, "statement": statement});
        let theirs: [u8; 64] = bytes(&python.ask("sign", request), "signature").try_into().unwrap();
        release.check(Some(&theirs), Trust::Publisher(&key.verifying_key())).unwrap();
        assert_eq!(theirs, ours);
    }
}

fn release(cases: &mut Cases, key: &SigningKey) -> Release {
    Release {
        publisher: key.verifying_key().to_bytes(),
        listing: cases.plugin_id(),
        version: cases.text(),
        cid: (cases.below(2) == 0).then(|| cases.text()),
        plain_sha256: cases.array(),
        cipher: [ContentCipher::Age, ContentCipher::Aes256Gcm, ContentCipher::Aes256Cbc][cases.below(3)],
        manifest: cases.object(3),
    }
}

/// The statement as the format's description says it, written without the crate.
fn statement(release: &Release) -> Value {
    let mut statement = json!({
        "publisher": hex::encode(release.publisher), "listing": release.listing, "version": release.version,
        "plain_sha256": hex::encode(release.plain_sha256), "cipher": release.cipher.as_str(),
        "manifest": release.manifest,
    });
    if let Some(cid) = &release.cid {
        statement["cid"] = cid.as_str().into();
    }
    statement
}
