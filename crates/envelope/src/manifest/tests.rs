use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use ed25519_dalek::Signer;
use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{ErrorCode, keyset::SetKey};

const NOW: u64 = 1_790_000_000;
const EXPECTED: Expected<'static> =
    Expected { iss: "https://store.example", printer: "prn_1", job: "job_1", nonce: "00ff" };

#[test]
fn a_signed_manifest_comes_back() {
    for cipher in [ContentCipher::Age, ContentCipher::Aes256Cbc] {
        let manifest = manifest(cipher);
        let jws = manifest.sign(&key()).unwrap();
        assert_eq!(JobManifest::verify(&jws, &keys(), EXPECTED, NOW).unwrap(), manifest);
    }
}

#[test]
fn bytes_are_lower_hex_and_sizes_decimal_strings() {
    let jws = manifest(ContentCipher::Aes256Cbc).sign(&key()).unwrap();
    let payload = B64.decode(jws.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["iv"], "02".repeat(16));
    assert_eq!(claims["blob_size"], "18446744073709551615");
    assert_eq!(claims["v"], 1);
    assert_eq!(claims["iat"], NOW);
}

#[test]
fn each_wrong_claim_has_its_own_code() {
    let jws = manifest(ContentCipher::Age).sign(&key()).unwrap();
    let code = |expected, now| JobManifest::verify(&jws, &keys(), expected, now).unwrap_err().code();
    assert_eq!(code(Expected { iss: "https://other.example", ..EXPECTED }, NOW), "manifest_wrong_store");
    assert_eq!(code(Expected { printer: "prn_2", ..EXPECTED }, NOW), "manifest_wrong_printer");
    assert_eq!(code(Expected { job: "job_2", ..EXPECTED }, NOW), "manifest_wrong_job");
    assert_eq!(code(Expected { nonce: "00fe", ..EXPECTED }, NOW), "manifest_wrong_nonce");
    assert_eq!(code(EXPECTED, NOW + 3600), "manifest_expired");
    assert_eq!(code(EXPECTED, NOW - LEEWAY - 1), "manifest_from_the_future");
}

#[test]
fn clocks_may_differ_by_the_leeway_and_validity_ends_at_exp() {
    let jws = manifest(ContentCipher::Age).sign(&key()).unwrap();
    for now in [NOW - LEEWAY, NOW + 3599] {
        assert!(JobManifest::verify(&jws, &keys(), EXPECTED, now).is_ok());
    }
}

#[test]
fn each_wrong_header_has_its_own_code() {
    let kid = keyset::key_id(&key().verifying_key());
    let header = |members: &str| format!(r#"{{"kid":"{kid}",{members}}}"#);
    let cases = [
        (header(r#""alg":"none","typ":"sealpost-job+jwt""#), "manifest_algorithm"),
        (header(r#""alg":"HS256","typ":"sealpost-job+jwt""#), "manifest_algorithm"),
        (header(r#""alg":"EdDSA","typ":"JWT""#), "manifest_type"),
        (header(r#""alg":"EdDSA""#), "manifest_type"),
        (header(r#""alg":"EdDSA","typ":"sealpost-job+jwt","crit":["b64"]"#), "manifest_critical_extension"),
        (header(r#""alg":"EdDSA","typ":"sealpost-job+jwt","crit":null"#), "manifest_critical_extension"),
        (header(r#""alg":"EdDSA","typ":"sealpost-job+jwt","jwk":{}"#), "manifest_embedded_key"),
        (header(r#""alg":"EdDSA","typ":"sealpost-job+jwt","jku":"https://x""#), "manifest_embedded_key"),
        (header(r#""alg":"EdDSA","typ":"sealpost-job+jwt","x5u":"https://x""#), "manifest_embedded_key"),
        (header(r#""alg":"EdDSA","alg":"EdDSA","typ":"sealpost-job+jwt""#), "manifest_malformed"),
        (format!(r#"["EdDSA","{kid}","sealpost-job+jwt"]"#), "manifest_malformed"),
        (
            r#"{"alg":"EdDSA","typ":"sealpost-job+jwt","kid":"0000000000000000"}"#.into(),
            "manifest_unknown_key",
        ),
        (r#"{"alg":"EdDSA","typ":"sealpost-job+jwt"}"#.into(), "manifest_unknown_key"),
    ];
    for (header, code) in cases {
        assert_eq!(verify_with(&header, &payload(), NOW).unwrap_err().code(), code, "{header}");
    }
}

#[test]
fn inconsistent_claims_are_refused() {
    let good: serde_json::Value = serde_json::from_str(&payload()).unwrap();
    let change = |field: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[field] = value;
        verify_with(&header(), &claims.to_string(), NOW).unwrap_err().code()
    };
    assert_eq!(change("v", 2.into()), "manifest_version");
    assert_eq!(change("iv", "00".repeat(16).into()), "manifest_malformed");
    assert_eq!(change("cipher", "aes-256-cbc".into()), "manifest_malformed");
    assert_eq!(change("cipher", "rot13".into()), "manifest_malformed");
    assert_eq!(change("blob_size", 5.into()), "manifest_malformed");
    assert_eq!(change("blob_size", "05".into()), "manifest_malformed");
    assert_eq!(change("blob_sha256", "AA".repeat(32).into()), "manifest_malformed");
    assert_eq!(change("iat", (-1).into()), "manifest_malformed");
    assert!(verify_with(&header(), &payload(), NOW).is_ok());
}

#[test]
fn a_time_that_json_would_round_is_neither_signed_nor_read() {
    let last = (1 << 53) - 1;
    let manifest = JobManifest { exp: last, ..manifest(ContentCipher::Age) };
    let jws = manifest.sign(&key()).unwrap();
    assert_eq!(JobManifest::verify(&jws, &keys(), EXPECTED, NOW).unwrap(), manifest);
    for rounded in [1 << 53, (1 << 53) + 1, u64::MAX] {
        assert_eq!(
            JobManifest { exp: rounded, ..manifest.clone() }.sign(&key()),
            Err(ManifestError::Malformed)
        );
        let claims = payload().replace(&(NOW + 3600).to_string(), &rounded.to_string());
        assert_eq!(verify_with(&header(), &claims, NOW), Err(ManifestError::Malformed));
    }
}

#[test]
fn a_token_key_signs_no_manifest() {
    let jws = manifest(ContentCipher::Age).sign(&key()).unwrap();
    let mut keys = keys();
    keys.keys[0].key_use = KeyUse::Tokens;
    assert_eq!(JobManifest::verify(&jws, &keys, EXPECTED, NOW), Err(ManifestError::UnknownKey));
}

#[test]
fn package_blob_and_plaintext_must_be_those_that_were_signed() {
    let manifest = JobManifest { key_sha256: package_hash("a:b:c"), ..manifest(ContentCipher::Age) };
    assert_eq!(manifest.check_package("a:b:c"), Ok(()));
    assert_eq!(manifest.check_package("a:b:c\n"), Err(ManifestError::Package));

    let blob = Digest { sha256: [4; 32], size: u64::MAX };
    assert_eq!(manifest.check_blob(&blob), Ok(()));
    assert_eq!(manifest.check_blob(&Digest { size: 1, ..blob }), Err(ManifestError::Blob));
    assert_eq!(manifest.check_blob(&Digest { sha256: [5; 32], ..blob }), Err(ManifestError::Blob));

    let plain = Digest { sha256: [6; 32], size: 7 };
    assert!(manifest.check_plain(&plain).is_ok());
    let padding_code = ContentError::Corrupt.code();
    assert_eq!(manifest.check_plain(&Digest { size: 8, ..plain }).unwrap_err().code(), padding_code);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_flipped_bit_anywhere_in_a_manifest_is_refused(at in any::<Index>(), bit in 0u8..7) {
        let mut jws = manifest(ContentCipher::Aes256Cbc).sign(&key()).unwrap().into_bytes();
        let at = at.index(jws.len());
        jws[at] ^= 1 << bit;
        let jws = String::from_utf8(jws).unwrap();
        prop_assert!(JobManifest::verify(&jws, &keys(), EXPECTED, NOW).is_err());
    }

    #[test]
    fn nonsense_is_no_manifest(text in "[A-Za-z0-9_.-]{0,300}") {
        prop_assert!(JobManifest::verify(&text, &keys(), EXPECTED, NOW).is_err());
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn keys() -> KeySet {
    let keys = vec![SetKey::new(KeyUse::Jobs, key().verifying_key())];
    KeySet { iss: EXPECTED.iss.into(), version: 1, iat: NOW, keys }
}

fn manifest(cipher: ContentCipher) -> JobManifest {
    JobManifest {
        iss: EXPECTED.iss.into(),
        aud: EXPECTED.printer.into(),
        job: EXPECTED.job.into(),
        listing: "lst_1".into(),
        release: "rel_1".into(),
        nonce: EXPECTED.nonce.into(),
        cipher,
        iv: cipher.has_outer_iv().then_some([2; 16]),
        blob_sha256: [4; 32],
        blob_size: u64::MAX,
        key_sha256: [5; 32],
        plain_sha256: [6; 32],
        plain_size: 7,
        iat: NOW,
        exp: NOW + 3600,
    }
}

fn header() -> String {
    let kid = keyset::key_id(&key().verifying_key());
    format!(r#"{{"alg":"EdDSA","typ":"sealpost-job+jwt","kid":"{kid}","note":"ignored"}}"#)
}

fn payload() -> String {
    let jws = manifest(ContentCipher::Age).sign(&key()).unwrap();
    String::from_utf8(B64.decode(jws.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn a_header_that_is_no_utf_8_is_refused_even_where_it_is_ignored() {
    let mut wrong = header().into_bytes();
    let ignored = wrong.windows(7).position(|text| text == b"ignored").unwrap();
    wrong[ignored] = 0xff;
    assert_eq!(verify_bytes(&wrong, &payload(), NOW), Err(ManifestError::Malformed));
}

/// Signs whatever header and payload it is given, correctly.
fn verify_with(header: &str, payload: &str, now: u64) -> Result<JobManifest, ManifestError> {
    verify_bytes(header.as_bytes(), payload, now)
}

fn verify_bytes(header: &[u8], payload: &str, now: u64) -> Result<JobManifest, ManifestError> {
    let signed = format!("{}.{}", B64.encode(header), B64.encode(payload));
    let jws = format!("{signed}.{}", B64.encode(key().sign(signed.as_bytes()).to_bytes()));
    JobManifest::verify(&jws, &keys(), EXPECTED, now)
}
