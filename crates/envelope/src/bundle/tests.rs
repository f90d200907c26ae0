use std::cell::Cell;

use proptest::{prelude::*, sample::Index};
use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::{
    ErrorCode,
    ecdh::{Curve, SecretKey},
};

const PLUGIN: &str = "com.publisher.my-plugin";
const WASM: &[u8] = b"\0asm\x01\0\0\0";
const V2: DomainVersion = DomainVersion::V2 { epoch: 228 };

#[test]
fn each_slot_opens_by_itself() {
    let (bundle, _, secret, buyer) = dual();
    for domain in ["example.com", "BÜCHER.example"] {
        let key = DomainKey::derive(&secret, domain, PLUGIN, bundle.domain_version()).unwrap();
        assert_eq!(*anyone(&bundle).open_with_domain_key(&key).unwrap(), WASM);
    }
    assert_eq!(*anyone(&bundle).open_with_buyer_key(&buyer).unwrap(), WASM);
    let kept_elsewhere: &dyn Agreement = &buyer;
    assert_eq!(*anyone(&bundle).open_with_buyer_key(kept_elsewhere).unwrap(), WASM);
}

#[test]
fn every_curve_finds_its_own_envelope() {
    let (mut bundle, dek) = Bundle::seal(PLUGIN, WASM, &mut rng()).unwrap();
    let keys: Vec<_> = [Curve::X25519, Curve::Ed25519, Curve::P256, Curve::P384, Curve::Secp256k1]
        .into_iter()
        .flat_map(|curve| [SecretKey::generate(curve, &mut rng()), SecretKey::generate(curve, &mut rng())])
        .collect();
    for key in &keys {
        bundle.add_buyer(&dek, &key.recipient(), &mut rng()).unwrap();
    }
    for key in &keys {
        assert_eq!(bundle.dek_by_buyer_key(key).unwrap(), dek);
    }
}

#[test]
fn each_reason_not_to_open_has_its_own_code() {
    let (bundle, _, secret, buyer) = dual();
    let by_buyer = |bundle: &Bundle| anyone(bundle).open_with_buyer_key(&buyer).unwrap_err().code();
    let key = DomainKey::derive(&secret, "example.com", PLUGIN, V2).unwrap();
    let by_domain = |bundle: &Bundle| anyone(bundle).open_with_domain_key(&key).unwrap_err().code();

    let stranger = SecretKey::generate(Curve::X25519, &mut rng());
    assert_eq!(anyone(&bundle).open_with_buyer_key(&stranger).unwrap_err().code(), "bundle_not_for_us");
    let other_curve = SecretKey::generate(Curve::P256, &mut rng());
    assert_eq!(anyone(&bundle).open_with_buyer_key(&other_curve).unwrap_err().code(), "bundle_no_envelope");
    let no_slots =
        Bundle { domain_wrapped_keys: Vec::new(), buyer_wrapped_keys: Vec::new(), ..bundle.clone() };
    assert_eq!(by_buyer(&no_slots), "bundle_no_envelope");
    assert_eq!(by_domain(&no_slots), "bundle_no_domains");
    let elsewhere = DomainKey::derive(&secret, "elsewhere.example", PLUGIN, V2).unwrap();
    assert_eq!(anyone(&bundle).open_with_domain_key(&elsewhere).unwrap_err().code(), "domain_not_for_us");

    let other_plugin = Bundle { plugin_id: "com.publisher.other".into(), ..bundle.clone() };
    assert_eq!(by_buyer(&other_plugin), "bundle_not_for_us");
    let other_hash = Bundle { wasm_hash: Some([0; 32]), ..bundle.clone() };
    assert_eq!(by_buyer(&other_hash), "bundle_wrong_hash");
    assert_eq!(by_domain(&other_hash), "bundle_wrong_hash");
    let no_data = Bundle { encrypted_data: None, cid: Some("bafy".into()), ..bundle.clone() };
    assert_eq!(by_buyer(&no_data), "bundle_no_data");
    let other_data = Bundle { encrypted_data: Some(vec![7; 40]), ..bundle.clone() };
    assert_eq!(by_buyer(&other_data), "blob_corrupt");
    let too_short = Bundle { encrypted_data: Some(vec![7; 27]), ..bundle };
    assert_eq!(by_buyer(&too_short), "blob_format");
}

#[test]
fn a_wallet_is_asked_once_even_if_there_are_many_envelopes() {
    struct Counts(SecretKey, Cell<usize>);
    impl Agreement for Counts {
        fn curve(&self) -> Curve {
            Agreement::curve(&self.0)
        }
        fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
            self.1.set(self.1.get() + 1);
            self.0.agree(public)
        }
        fn salt(&self) -> Option<[u8; 32]> {
            self.0.salt()
        }
    }
    let (mut bundle, dek) = Bundle::seal(PLUGIN, WASM, &mut rng()).unwrap();
    let buyers: Vec<_> = (0..9).map(|_| SecretKey::generate(Curve::X25519, &mut rng())).collect();
    for buyer in &buyers {
        bundle.add_buyer(&dek, &buyer.recipient(), &mut rng()).unwrap();
    }
    let last = Counts(buyers[8].clone(), Cell::new(0));
    assert_eq!(bundle.dek_by_buyer_key(&last).unwrap(), dek);
    assert_eq!(last.1.get(), 1);

    // An envelope that only pretends to be for this key does not hide the one that is.
    bundle.buyer_wrapped_keys[0].salt = buyers[8].recipient().salt().to_vec();
    assert_eq!(bundle.dek_by_buyer_key(&last).unwrap(), dek);
    assert_eq!(last.1.get(), 3);
}

#[test]
fn a_holder_that_refuses_is_not_taken_for_a_wrong_key() {
    struct Refuses;
    impl Agreement for Refuses {
        fn curve(&self) -> Curve {
            Curve::X25519
        }
        fn agree(&self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
            Err(EcdhError::Holder)
        }
    }
    let (bundle, ..) = dual();
    assert_eq!(anyone(&bundle).open_with_buyer_key(&Refuses).unwrap_err().code(), "envelope_key_holder");
}

#[test]
fn domains_of_two_epochs_do_not_mix() {
    let (mut bundle, dek, secret, _) = dual();
    let other = DomainVersion::V2 { epoch: 229 };
    let refused = bundle.add_domains(&dek, &secret, &["example.com"], other, &mut rng()).unwrap_err();
    assert_eq!(refused.code(), "bundle_mixed_domains");
    bundle.add_domains(&dek, &secret, &["more.example"], V2, &mut rng()).unwrap();
    assert_eq!(bundle.domain_wrapped_keys.len(), 3);
}

#[test]
fn one_bad_domain_adds_none() {
    let (mut bundle, dek) = Bundle::seal(PLUGIN, WASM, &mut rng()).unwrap();
    let secret = DomainSecret::generate(&mut rng());
    let domains = ["example.com", "example.com:80"];
    let refused = bundle.add_domains(&dek, &secret, &domains, V2, &mut rng()).unwrap_err();
    assert_eq!(refused.code(), "domain_port");
    assert!(bundle.domain_wrapped_keys.is_empty() && bundle.domain_kek.is_none());
}

#[test]
fn the_json_has_the_names_of_the_documents() {
    let (mut bundle, ..) = dual();
    bundle.version = "1.0.0".into();
    bundle.manifest = object(json!({ "name": "My Plugin" }));
    bundle.sign(&signing_key()).unwrap();
    let json: Value = serde_json::from_str(&bundle.to_json().unwrap()).unwrap();
    let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "buyerWrappedKeys",
            "domainKek",
            "domainWrappedKeys",
            "encryptedData",
            "manifest",
            "pluginId",
            "publisher",
            "signature",
            "version",
            "wasmHash"
        ]
    );
    assert_eq!(json["domainKek"], json!({ "version": 2, "epoch": 228 }));
    assert_eq!(json["wasmHash"], digest::sha256_hex(WASM));
    assert_eq!(json["domainWrappedKeys"][0].as_str().unwrap().len(), 80);
    assert_eq!(Bundle::from_json(json.to_string().as_bytes()).unwrap(), bundle);
}

#[test]
fn other_names_for_the_same_things_are_read() {
    let (bundle, _, secret, buyer) = dual();
    let ours: Value = serde_json::from_str(&bundle.to_json().unwrap()).unwrap();
    let document = json!({
        "pluginId": PLUGIN,
        "encryptedData": ours["encryptedData"],
        "envelope": ours["buyerWrappedKeys"][0],
        "manifest": { "name": "My Plugin", "version": "1.0.0", "type": "Shader" },
        "unknown": { "kept": "out" },
    });
    let read = Bundle::from_json(document.to_string().as_bytes()).unwrap();
    assert_eq!(*anyone(&read).open_with_buyer_key(&buyer).unwrap(), WASM);
    assert_eq!(read.domain_version(), DomainVersion::V1 { epoch: None });
    assert!(!read.to_json().unwrap().contains("kept"));

    let version = DomainVersion::V1 { epoch: Some(9) };
    let (mut demo, dek) = Bundle::seal("sdn-demo", WASM, &mut rng()).unwrap();
    demo.add_domains(&dek, &secret, &["localhost"], version, &mut rng()).unwrap();
    let ours: Value = serde_json::from_str(&demo.to_json().unwrap()).unwrap();
    assert_eq!(ours["domainKek"], json!({ "version": 1, "epoch": 9 }));
    let demo = json!({
        "version": 1,
        "pluginId": "sdn-demo",
        "currentEpoch": 9,
        "encryptedPayload": ours["encryptedData"],
        "wrappedDEKs": ours["domainWrappedKeys"],
        "domains": ["localhost"],
    });
    let read = Bundle::from_json(demo.to_string().as_bytes()).unwrap();
    assert_eq!(read.domain_version(), version);
    let key = DomainKey::derive(&secret, "localhost", "sdn-demo", version).unwrap();
    assert_eq!(*anyone(&read).open_with_domain_key(&key).unwrap(), WASM);
}

#[test]
fn version_1_without_an_epoch_needs_no_member_of_its_own() {
    let (mut bundle, dek) = Bundle::seal(PLUGIN, WASM, &mut rng()).unwrap();
    let version = DomainVersion::V1 { epoch: None };
    let secret = DomainSecret::generate(&mut rng());
    bundle.add_domains(&dek, &secret, &["example.com"], version, &mut rng()).unwrap();
    let json = bundle.to_json().unwrap();
    assert!(!json.contains("domainKek"));
    assert_eq!(Bundle::from_json(json.as_bytes()).unwrap().domain_version(), version);
}

#[test]
fn epochs_beyond_2_to_the_53_are_text_and_both_forms_are_read() {
    let write = |epoch| {
        let bundle = Bundle { domain_kek: Some(DomainVersion::V2 { epoch }), ..Bundle::default() };
        serde_json::to_value(&bundle).unwrap()["domainKek"]["epoch"].clone()
    };
    assert_eq!(write((1 << 53) - 1), json!(9_007_199_254_740_991_u64));
    assert_eq!(write(1 << 53), json!("9007199254740992"));

    let read = |epoch: Value| {
        let json = json!({ "pluginId": "p", "domainKek": { "version": 2, "epoch": epoch } });
        Bundle::from_json(json.to_string().as_bytes()).ok()?.domain_kek?.epoch()
    };
    assert_eq!(read(json!(228)), Some(228));
    assert_eq!(read(json!("228")), Some(228));
    assert_eq!(read(json!(u64::MAX)), Some(u64::MAX));
    for bad in [json!("0228"), json!("+1"), json!(-1), json!(1.5), json!(""), json!([]), json!(true)] {
        assert_eq!(read(bad.clone()), None, "{bad}");
    }
}

#[test]
fn what_is_no_bundle_is_refused_with_a_short_reason() {
    let cases = [
        json!({}),
        json!([]),
        json!({ "pluginId": 1 }),
        json!({ "pluginId": "p", "encryptedData": "%" }),
        json!({ "pluginId": "p", "wasmHash": "00" }),
        json!({ "pluginId": "p", "domainWrappedKeys": ["AAAA"] }),
        json!({ "pluginId": "p", "domainKek": { "version": 3, "epoch": 1 } }),
        json!({ "pluginId": "p", "domainKek": { "version": 2 } }),
        json!({ "pluginId": "p", "manifest": "text" }),
        json!({ "pluginId": "p", "signature": "ff" }),
        json!({ "pluginId": "p", "envelope": { "curve": "x".repeat(1000) } }),
    ];
    for case in cases {
        let error = Bundle::from_json(case.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.code(), "bundle_malformed", "{case}");
        assert!(error.to_string().len() < 260, "{error}");
    }
    let long = "A".repeat(crate::content::WHOLE_LIMIT.div_ceil(3) * 4 + 4);
    let json = format!(r#"{{"pluginId":"p","encryptedData":"{long}"}}"#);
    assert_eq!(Bundle::from_json(json.as_bytes()).unwrap_err().code(), "bundle_malformed");
}

#[test]
fn nobody_is_made_to_try_slots_without_end() {
    let with = |slots| {
        let bundle = Bundle { domain_wrapped_keys: vec![[0; WRAPPED_LEN]; slots], ..dual().0 };
        Bundle::from_json(bundle.to_json().unwrap().as_bytes())
    };
    assert!(with(1 << 14).is_ok());
    assert_eq!(with((1 << 14) + 1).unwrap_err().code(), "bundle_malformed");
}

#[test]
fn a_bundle_is_signed_as_a_release() {
    let (mut bundle, dek, secret, _) = dual();
    let publisher = signing_key().verifying_key();
    assert_eq!(bundle.verify(Trust::Publisher(&publisher)).unwrap_err().code(), "release_unsigned");
    bundle.verify(Trust::AllowUnsigned).unwrap();

    bundle.sign(&signing_key()).unwrap();
    let more = SecretKey::generate(Curve::X25519, &mut rng());
    bundle.add_buyer(&dek, &more.recipient(), &mut rng()).unwrap();
    bundle.add_domains(&dek, &secret, &["more.example"], V2, &mut rng()).unwrap();
    bundle.verify(Trust::Publisher(&publisher)).unwrap();
    bundle.verify(Trust::AllowUnsigned).unwrap();

    let stranger = SigningKey::from_bytes(&[9; 32]);
    let refused = bundle.verify(Trust::Publisher(&stranger.verifying_key())).unwrap_err();
    assert_eq!(refused.code(), "release_wrong_publisher");
    let code = |bundle: &Bundle, trust| bundle.verify(trust).unwrap_err().code();
    for trust in [Trust::Publisher(&publisher), Trust::AllowUnsigned] {
        let newer = Bundle { version: "9".into(), ..bundle.clone() };
        assert_eq!(code(&newer, trust), "release_bad_signature");
        assert_eq!(code(&Bundle { wasm_hash: None, ..bundle.clone() }, trust), "release_incomplete");
        assert_eq!(code(&Bundle { publisher: None, ..bundle.clone() }, trust), "release_incomplete");
    }
    let stripped = Bundle { signature: None, ..bundle };
    assert_eq!(code(&stripped, Trust::Publisher(&publisher)), "release_unsigned");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_sealed_comes_back_through_json(data: Vec<u8>, epoch: u64, inline: bool) {
        let secret = DomainSecret::generate(&mut rng());
        let buyer = SecretKey::generate(Curve::X25519, &mut rng());
        let version = DomainVersion::V2 { epoch };
        let (mut bundle, dek) = Bundle::seal(PLUGIN, &data, &mut rng()).unwrap();
        bundle.add_domains(&dek, &secret, &["localhost"], version, &mut rng()).unwrap();
        bundle.add_buyer(&dek, &buyer.recipient(), &mut rng()).unwrap();
        let blob = if inline { None } else { bundle.encrypted_data.take() };

        let mut read = Bundle::from_json(bundle.to_json().unwrap().as_bytes()).unwrap();
        prop_assert_eq!(&read, &bundle);
        read.encrypted_data = read.encrypted_data.or(blob);
        prop_assert_eq!(&*anyone(&read).open_with_buyer_key(&buyer).unwrap(), &data);
        let key = DomainKey::derive(&secret, "localhost", PLUGIN, read.domain_version()).unwrap();
        prop_assert_eq!(&*anyone(&read).open_with_domain_key(&key).unwrap(), &data);
    }

    #[test]
    fn a_changed_bit_in_data_or_slots_never_opens(at in any::<Index>(), bit in 0u8..8, data in prop::collection::vec(any::<u8>(), 0..64)) {
        let (mut bundle, dek) = Bundle::seal(PLUGIN, &data, &mut rng()).unwrap();
        let key = DomainKey::from_bytes([1; 32]);
        bundle.domain_wrapped_keys.push(key.wrap(&dek, &mut rng()).unwrap());
        prop_assert_eq!(&*anyone(&bundle).open_with_domain_key(&key).unwrap(), &data);

        let sealed = bundle.encrypted_data.as_mut().unwrap();
        let at = at.index(sealed.len() + WRAPPED_LEN);
        match at.checked_sub(WRAPPED_LEN) {
            None => bundle.domain_wrapped_keys[0][at] ^= 1 << bit,
            Some(at) => sealed[at] ^= 1 << bit,
        }
        prop_assert!(anyone(&bundle).open_with_domain_key(&key).is_err());
    }

    #[test]
    fn no_input_panics(json in "\\PC{0,200}", bytes: Vec<u8>) {
        let _ = Bundle::from_json(json.as_bytes());
        let bundle = Bundle { encrypted_data: Some(bytes), ..Bundle::default() };
        prop_assert!(anyone(&bundle).open(&Dek::from_bytes([1; 32])).is_err());
    }
}

/// Opens whatever is not signed wrongly.
fn anyone(bundle: &Bundle) -> VerifiedBundle<'_> {
    bundle.verify(Trust::AllowUnsigned).unwrap()
}

fn dual() -> (Bundle, Dek, DomainSecret, SecretKey) {
    let secret = DomainSecret::generate(&mut rng());
    let buyer = SecretKey::generate(Curve::X25519, &mut rng());
    let (mut bundle, dek) = Bundle::seal(PLUGIN, WASM, &mut rng()).unwrap();
    bundle.add_domains(&dek, &secret, &["example.com", "bücher.example"], V2, &mut rng()).unwrap();
    bundle.add_buyer(&dek, &buyer.recipient(), &mut rng()).unwrap();
    (bundle, dek, secret, buyer)
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn rng() -> impl CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
