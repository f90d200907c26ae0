//! Releases that were signed elsewhere verify, and ours are the same bytes.

use sealpost_envelope::{SigningKey, release::Release};
use serde_json::from_value;

use crate::common::{bytes, text, vectors};

#[test]
fn releases_signed_elsewhere_verify_and_ours_are_the_same_bytes() {
    for case in vectors("release.json").as_array().unwrap() {
        let release: Release = from_value(case["statement"].clone()).unwrap();
        let expected = format!("sealpost-release-v1\n{}", text(case, "canonical"));
        assert_eq!(String::from_utf8(release.signed_bytes().unwrap()).unwrap(), expected);

        let key = SigningKey::from_bytes(&bytes(case, "seed"));
        assert_eq!(release.sign(&key).unwrap(), bytes::<64>(case, "signature"));
        release.verify(&bytes(case, "signature"), &key.verifying_key()).unwrap();
    }
}
