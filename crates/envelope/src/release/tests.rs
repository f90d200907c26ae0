use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn a_signed_release_verifies_by_its_publisher_only() {
    let release = release();
    let signature = release.sign(&key()).unwrap();
    assert_eq!(release.verify(&signature, &key().verifying_key()), Ok(()));
    assert_eq!(release.verify(&signature, &other().verifying_key()), Err(ReleaseError::WrongPublisher));
    assert_eq!(release.sign(&other()), Err(ReleaseError::WrongPublisher));
}

#[test]
fn an_unsigned_release_is_refused_unless_that_is_allowed() {
    let release = release();
    let publisher = key().verifying_key();
    assert_eq!(release.check(None, Trust::Publisher(&publisher)), Err(ReleaseError::Unsigned));
    assert_eq!(release.check(None, Trust::AllowUnsigned), Ok(()));

    let signature = release.sign(&key()).unwrap();
    assert_eq!(release.check(Some(&signature), Trust::Publisher(&publisher)), Ok(()));
    assert_eq!(release.check(Some(&signature), Trust::AllowUnsigned), Ok(()));
    let mut damaged = signature;
    damaged[0] ^= 1;
    assert_eq!(release.check(Some(&damaged), Trust::AllowUnsigned), Err(ReleaseError::Signature));
}

#[test]
fn a_publisher_of_small_order_signs_nothing() {
    let identity = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    let release = Release { publisher: identity, ..release() };
    let mut forged = [0; SIGNATURE_LEN];
    forged[0] = 1;
    assert_eq!(release.check(Some(&forged), Trust::AllowUnsigned), Err(ReleaseError::Signature));
}

#[test]
fn every_field_is_signed() {
    let signature = release().sign(&key()).unwrap();
    let changed = [
        Release { listing: "com.publisher.other".into(), ..release() },
        Release { version: "1.0.1".into(), ..release() },
        Release { cid: None, ..release() },
        Release { cid: Some("bafyother".into()), ..release() },
        Release { plain_sha256: [8; 32], ..release() },
        Release { cipher: ContentCipher::Age, ..release() },
        Release { manifest: Map::new(), ..release() },
    ];
    for release in changed {
        let refused = release.verify(&signature, &key().verifying_key());
        assert_eq!(refused, Err(ReleaseError::Signature), "{release:?}");
    }
}

#[test]
fn numbers_that_libraries_read_differently_are_refused() {
    let whole = [json!(9_007_199_254_740_992_u64), json!(-9_007_199_254_740_992_i64), json!(u64::MAX)];
    let written_as_whole = [json!(9_007_199_254_740_992.0), json!(-1e16), json!(1e20)];
    for bad in whole.into_iter().chain(written_as_whole) {
        for manifest in [json!({ "n": bad }), json!({ "deep": [{ "n": bad }] })] {
            let release = Release { manifest: manifest.as_object().unwrap().clone(), ..release() };
            assert_eq!(release.sign(&key()), Err(ReleaseError::Number), "{bad}");
        }
    }
    let manifest = json!({
        "safe": 9_007_199_254_740_991_u64,
        "low": -9_007_199_254_740_991_i64,
        "half": 0.5,
        "one": 1.0,
        "exponent": [1e21, -1e300],
    });
    let release = Release { manifest: manifest.as_object().unwrap().clone(), ..release() };
    assert!(release.sign(&key()).is_ok());
}

#[test]
fn the_statement_comes_back_from_its_json() {
    let json = serde_json::to_string(&release()).unwrap();
    assert_eq!(serde_json::from_str::<Release>(&json).unwrap(), release());
}

#[test]
fn what_the_signature_would_not_cover_is_refused() {
    let mut json = serde_json::to_value(release()).unwrap();
    json["homepage"] = "https://example.com".into();
    assert!(serde_json::from_value::<Release>(json).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_signature_is_refused(at in 0..SIGNATURE_LEN, bit in 0u8..8) {
        let mut signature = release().sign(&key()).unwrap();
        signature[at] ^= 1 << bit;
        let refused = release().verify(&signature, &key().verifying_key());
        prop_assert_eq!(refused, Err(ReleaseError::Signature));
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn other() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

fn release() -> Release {
    Release {
        publisher: key().verifying_key().to_bytes(),
        listing: "com.publisher.my-plugin".into(),
        version: "1.0.0".into(),
        cid: Some("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy".into()),
        plain_sha256: [7; 32],
        cipher: ContentCipher::Aes256Gcm,
        manifest: json!({ "name": "My Plugin", "type": "Shader" }).as_object().unwrap().clone(),
    }
}
