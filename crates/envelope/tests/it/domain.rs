//! Domain keys are those that other programs derive.

use base64::{Engine, prelude::BASE64_STANDARD};
use sealpost_envelope::{
    Dek,
    domain::{DomainKey, DomainSecret, DomainVersion, WRAPPED_LEN, normalise},
};
use serde_json::Value;

use crate::common::{Repeat, bytes, text, vectors};

#[test]
fn version_1_is_that_of_the_public_demo() {
    for case in vectors("domain-v1.json").as_array().unwrap() {
        let secret = DomainSecret::new(text(case, "secret").as_bytes().to_vec()).unwrap();
        let epoch = case["epoch"].as_str().map(|epoch| epoch.parse().unwrap());
        check(case, &secret, DomainVersion::V1 { epoch });
    }
}

#[test]
fn version_2_is_hkdf_over_the_host_as_browsers_name_it() {
    for case in vectors("domain-v2.json").as_array().unwrap() {
        assert_eq!(normalise(text(case, "domain")).unwrap(), text(case, "host"));
        let secret = DomainSecret::new(hex::decode(text(case, "secret")).unwrap()).unwrap();
        check(case, &secret, DomainVersion::V2 { epoch: text(case, "epoch").parse().unwrap() });
    }
}

fn check(case: &Value, secret: &DomainSecret, version: DomainVersion) {
    let key = DomainKey::derive(secret, text(case, "domain"), text(case, "plugin_id"), version).unwrap();
    assert_eq!(key.expose(), &bytes::<32>(case, "key"), "{case}");
    if case.get("wrapped").is_some() {
        let wrapped: [u8; WRAPPED_LEN] =
            BASE64_STANDARD.decode(text(case, "wrapped")).unwrap().try_into().unwrap();
        let dek = Dek::from_bytes(bytes(case, "dek"));
        assert_eq!(key.unwrap(&wrapped).unwrap(), dek);
        assert_eq!(key.wrap(&dek, &mut Repeat(wrapped[..12].to_vec())).unwrap(), wrapped);
    }
}
