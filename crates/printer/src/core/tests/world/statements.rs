//! What the store signs.

use sealpost_api::printer::ClaimedJob;
use sealpost_envelope::{
    ContentCipher, JobManifest, KeySet, KeyUse, SigningKey, keyset::SetKey, manifest::package_hash,
};
use sealpost_market::JobState;

use super::{ORIGIN, PRINTER, START};

pub(in crate::core::tests) fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub(in crate::core::tests) fn signing() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

pub(in crate::core::tests) fn key_set(version: u64) -> String {
    key_set_with(version, &signing())
}

pub(in crate::core::tests) fn key_set_of_another(version: u64) -> String {
    key_set_with(version, &SigningKey::from_bytes(&[3; 32]))
}

/// The manifest with these claims (base64url), signed by another key.
pub(in crate::core::tests) fn signed_by_another(claims: &str) -> String {
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).unwrap();
    let manifest: JobManifest = serde_json::from_slice(&claims).unwrap();
    manifest.sign(&SigningKey::from_bytes(&[3; 32])).unwrap()
}

fn key_set_with(version: u64, signing: &SigningKey) -> String {
    let keys = vec![SetKey::new(KeyUse::Jobs, signing.verifying_key())];
    KeySet { iss: ORIGIN.to_owned(), version, iat: START, keys }.sign(&root()).unwrap()
}

/// A claim's answer whose manifest `change` altered before it was signed.
pub(in crate::core::tests) fn claimed(
    id: &str,
    lease: u64,
    nonce: &str,
    change: impl FnOnce(&mut JobManifest),
) -> ClaimedJob {
    let package = "package".to_owned();
    let mut manifest = JobManifest {
        iss: ORIGIN.to_owned(),
        aud: PRINTER.to_owned(),
        job: id.to_owned(),
        listing: "l".to_owned(),
        release: "r".to_owned(),
        nonce: nonce.to_owned(),
        cipher: ContentCipher::Age,
        iv: None,
        blob_sha256: [0; 32],
        blob_size: 1,
        key_sha256: package_hash(&package),
        plain_sha256: [0; 32],
        plain_size: 1,
        iat: START,
        exp: START + 365 * 24 * 3600,
    };
    change(&mut manifest);
    ClaimedJob {
        print_job_id: id.to_owned(),
        purchase_id: String::new(),
        status: JobState::Processing,
        title: id.to_owned(),
        encrypted_gcode_download_url: String::new(),
        gcode_dek_encrypted_hex: package.clone(),
        gcode_dek_package: package,
        gcode_iv_hex: None,
        cipher: manifest.cipher.to_string(),
        job_manifest: manifest.sign(&signing()).unwrap(),
        lease,
        lease_seconds: super::store::LEASE_SECONDS.into(),
        user_account_id: String::new(),
        printer_kek_id: String::new(),
        created_at: String::new(),
    }
}
