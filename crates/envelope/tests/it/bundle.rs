//! Bundles that other programs made open, by every slot they have.

use sealpost_envelope::{
    bundle::Bundle,
    digest,
    domain::{DomainKey, DomainSecret},
    ecdh::SecretKey,
    keyset,
    release::Trust,
};

use crate::common::{text, vectors};

#[test]
fn bundles_made_elsewhere_open_by_every_slot() {
    for case in vectors("bundles.json").as_array().unwrap() {
        let bundle = Bundle::from_json(case["bundle"].to_string().as_bytes()).unwrap();
        let verified = bundle.verify(Trust::AllowUnsigned).unwrap();
        let (mut opened, what) = (0, text(case, "what"));
        for buyer in case["buyers"].as_array().unwrap() {
            let key = hex::decode(text(buyer, "key")).unwrap();
            let key = SecretKey::from_bytes(text(buyer, "curve").parse().unwrap(), &key).unwrap();
            let plain = verified.open_with_buyer_key(&key).unwrap();
            assert_eq!(digest::sha256_hex(&plain), text(case, "plain_sha256"), "{what}");
            opened += 1;
        }
        for domain in case["domains"].as_array().unwrap() {
            let secret = DomainSecret::new(hex::decode(text(case, "secret")).unwrap()).unwrap();
            let version = bundle.domain_version();
            let key = DomainKey::derive(&secret, domain.as_str().unwrap(), &bundle.plugin_id, version);
            let plain = verified.open_with_domain_key(&key.unwrap()).unwrap();
            assert_eq!(digest::sha256_hex(&plain), text(case, "plain_sha256"), "{what}");
            opened += 1;
        }
        assert_eq!(opened, bundle.buyer_wrapped_keys.len() + bundle.domain_wrapped_keys.len(), "{what}");
    }
}

#[test]
fn the_publisher_of_bundles_made_elsewhere_is_known_by_the_signature() {
    for case in vectors("bundles.json").as_array().unwrap() {
        let bundle = Bundle::from_json(case["bundle"].to_string().as_bytes()).unwrap();
        bundle.verify(Trust::AllowUnsigned).unwrap();
        let Some(publisher) = case["publisher"].as_str() else {
            assert_eq!(bundle.signature, None);
            continue;
        };
        let publisher = keyset::public_key_from_hex(publisher).unwrap();
        bundle.verify(Trust::Publisher(&publisher)).unwrap();
        let other = Bundle { plugin_id: "com.publisher.other".into(), ..bundle };
        assert!(other.verify(Trust::Publisher(&publisher)).is_err());
    }
}
