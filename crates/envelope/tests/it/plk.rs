//! Licences: those signed and written by other programs, each reason to refuse one, and opening with one.

use ed25519_dalek::Signer as _;
use proptest::{prelude::*, sample::Index};
use sealpost_envelope::{
    Dek, ErrorCode, SigningKey, VerifyingKey,
    domain::{DomainKey, DomainSecret, DomainVersion},
    ecdh::{self, Agreement, Curve, EcdhError, Envelope, Recipient, SecretKey},
    plk::{LEEWAY, LICENCE_BYTES, Licence, LicenceType, PlkError, Usage},
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::common::{bytes, rng, text, vectors};

const NOW: u64 = 1_790_000_000;
const PLUGIN: &str = "com.publisher.my-plugin";
const USAGE: Usage<'static> = Usage {
    plugin_id: PLUGIN,
    plugin_version: Some("1.2.3"),
    domain: Some("app.example.com"),
    activations: 2,
    now: NOW,
};

#[test]
fn licences_signed_elsewhere_verify_and_ours_have_the_same_signature() {
    let vectors = vectors("plk.json");
    let issuer = VerifyingKey::from_bytes(&bytes(&vectors, "issuer_public")).unwrap();
    let key = SigningKey::from_bytes(&bytes(&vectors, "issuer_seed"));
    for case in cases(&vectors) {
        let licence = Licence::from_json(text(&case, "json").as_bytes()).unwrap();
        assert_eq!(licence.check_signature(&issuer), Ok(()), "{}", text(&case, "name"));
        assert_eq!(licence.to_json().unwrap(), text(&case, "json"));
        let unsigned = Licence { issuer_pubkey: None, signature: None, ..licence.clone() };
        assert_eq!(unsigned.sign(&key).unwrap(), licence);
    }
    let everything = Licence::from_json(text(&vectors["licences"][0], "json").as_bytes()).unwrap();
    assert!(everything.verify(&issuer, &USAGE).is_ok());
}

#[test]
fn flatbuffers_of_flatc_and_of_javascript_are_read() {
    let vectors = vectors("plk.json");
    for case in cases(&vectors) {
        let licence = Licence::from_json(text(&case, "json").as_bytes()).unwrap();
        for writer in ["flatc", "flatc_size_prefixed", "javascript"] {
            let written = hex::decode(text(&case, writer)).unwrap();
            assert_eq!(Licence::from_flatbuffer(&written).unwrap(), licence, "{writer}");
        }
        let prefix_cut_off = hex::decode(&text(&case, "javascript")[8..]).unwrap();
        assert_eq!(Licence::from_flatbuffer(&prefix_cut_off).unwrap(), licence);
    }
}

#[test]
fn a_full_licence_is_written_byte_for_byte_as_javascript_does() {
    let vectors = vectors("plk.json");
    let case = &vectors["licences"][0];
    let licence = Licence::from_json(text(case, "json").as_bytes()).unwrap();
    assert_eq!(hex::encode(licence.to_flatbuffer().unwrap()), text(case, "javascript"));
}

#[test]
fn each_reason_to_refuse_a_use_has_its_own_code() {
    let signed = licence().sign(&key()).unwrap();
    let code = |usage: Usage<'_>| signed.verify(&issuer(), &usage).unwrap_err().code();
    assert!(signed.verify(&issuer(), &USAGE).is_ok());
    assert_eq!(code(Usage { plugin_id: "other", ..USAGE }), "plk_wrong_plugin");
    assert_eq!(code(Usage { plugin_version: Some("1.2.4"), ..USAGE }), "plk_wrong_version");
    assert_eq!(code(Usage { plugin_version: None, ..USAGE }), "plk_wrong_version");
    assert_eq!(code(Usage { domain: Some("example.com"), ..USAGE }), "plk_wrong_domain");
    assert_eq!(code(Usage { domain: None, ..USAGE }), "plk_wrong_domain");
    assert_eq!(code(Usage { domain: Some("https://app.example.com/"), ..USAGE }), "domain_is_url");
    assert_eq!(code(Usage { activations: 3, ..USAGE }), "plk_activations");
    assert_eq!(code(Usage { now: NOW + 1000, ..USAGE }), "plk_expired");
    assert_eq!(code(Usage { now: NOW - 11, ..USAGE }), "plk_not_yet_valid");
    assert_eq!(code(Usage { now: NOW - 101 - LEEWAY, ..USAGE }), "plk_from_the_future");
}

#[test]
fn who_signed_is_decided_by_the_reader() {
    let signed = licence().sign(&key()).unwrap();
    let code = |licence: &Licence, issuer: &VerifyingKey| licence.verify(issuer, &USAGE).unwrap_err().code();
    let stranger = SigningKey::from_bytes(&[9; 32]);
    assert_eq!(code(&signed, &stranger.verifying_key()), "plk_wrong_issuer");
    assert_eq!(code(&licence().sign(&stranger).unwrap(), &issuer()), "plk_wrong_issuer");
    assert_eq!(code(&licence(), &issuer()), "plk_unsigned");
    let claimed = Licence { issuer_pubkey: signed.issuer_pubkey, ..licence().sign(&stranger).unwrap() };
    assert_eq!(code(&claimed, &issuer()), "plk_bad_signature");
    let nobody = Licence { issuer_pubkey: None, ..signed };
    assert_eq!(code(&nobody, &issuer()), "plk_wrong_issuer");
}

#[test]
fn limits_end_where_they_say() {
    let good = |licence: &Licence, usage: Usage<'_>| {
        licence.clone().sign(&key()).unwrap().verify(&issuer(), &usage).is_ok()
    };
    assert!(good(&licence(), Usage { now: NOW + 999, ..USAGE }));
    assert!(good(&licence(), Usage { now: NOW - 10, ..USAGE }));
    let never = Licence { expires_at: 0, ..licence() };
    assert!(good(&never, Usage { now: u64::MAX, ..USAGE }));
    let at_once = Licence { valid_from: licence().issued_at, ..licence() };
    assert!(good(&at_once, Usage { now: at_once.issued_at - LEEWAY, ..USAGE }));
    assert!(!good(&at_once, Usage { now: at_once.issued_at - LEEWAY - 1, ..USAGE }));
    let any_number = Licence { max_activations: 0, ..licence() };
    assert!(good(&any_number, Usage { activations: u32::MAX, ..USAGE }));
    let any_version = Licence { plugin_version: String::new(), ..licence() };
    assert!(good(&any_version, Usage { plugin_version: None, ..USAGE }));
}

#[test]
fn a_version_is_met_exactly_and_a_range_by_what_lies_in_it() {
    let good = |allowed: &str, version: &str| {
        let licence = Licence { plugin_version: allowed.into(), ..licence() }.sign(&key()).unwrap();
        licence.verify(&issuer(), &Usage { plugin_version: Some(version), ..USAGE }).is_ok()
    };
    assert!(good("1.2.3", "1.2.3") && !good("1.2.3", "1.3.0"));
    assert!(good("^1.2", "1.9.0") && !good("^1.2", "2.0.0") && !good("^1.2", "1.1.9"));
    assert!(good(">=1.2, <3", "2.5.1") && !good(">=1.2, <3", "3.0.0"));
    assert!(good("1.*", "1.0.7") && !good("1.*", "2.0.0"));
    assert!(good("spring edition", "spring edition") && !good("spring edition", "1.0.0"));
}

#[test]
fn the_issuer_may_be_named_by_the_x25519_counterpart_of_its_key() {
    let counterpart = issuer().to_montgomery().to_bytes();
    let unsigned = Licence { issuer_pubkey: Some(counterpart), ..licence() };
    let json = unsigned.to_json().unwrap();
    let signature = key().sign(&[b"sealpost-plk-v1\n", json.as_bytes()].concat()).to_bytes();
    let signed = Licence { signature: Some(signature), ..unsigned };
    assert!(signed.verify(&issuer(), &USAGE).is_ok());
    let stranger = SigningKey::from_bytes(&[9; 32]).verifying_key();
    assert_eq!(signed.verify(&stranger, &USAGE).unwrap_err().code(), "plk_wrong_issuer");
}

#[test]
fn domains_are_compared_in_one_spelling_and_endings_at_a_dot() {
    let signed = Licence {
        allowed_domains: vec!["App.Example.com".into(), "Bücher.example".into()],
        allowed_tlds: vec![".GOV".into(), "co.uk".into()],
        ..licence()
    };
    let signed = signed.sign(&key()).unwrap();
    assert_eq!(signed.allowed_domains, ["app.example.com", "xn--bcher-kva.example"]);
    assert_eq!(signed.allowed_tlds, ["gov", "co.uk"]);
    let allowed = |domain| signed.verify(&issuer(), &Usage { domain: Some(domain), ..USAGE }).is_ok();
    for domain in ["APP.example.COM", "bücher.example", "nasa.gov", "a.b.gov", "shop.co.uk"] {
        assert!(allowed(domain), "{domain}");
    }
    for domain in
        ["evil-app.example.com", "example.com", "gov", "nasagov", "co.uk", "uk", "nasa.gov.example", ""]
    {
        assert!(!allowed(domain), "{domain}");
    }
    let unbound = Licence { allowed_domains: vec![], allowed_tlds: vec![], ..licence() };
    let unbound = unbound.sign(&key()).unwrap();
    assert!(unbound.verify(&issuer(), &Usage { domain: None, ..USAGE }).is_ok());
}

#[test]
fn what_could_never_be_used_is_not_signed() {
    let refused = |licence: Licence| licence.sign(&key()).unwrap_err().code();
    assert_eq!(refused(Licence { license_id: String::new(), ..licence() }), "plk_field");
    assert_eq!(refused(Licence { licensee_org: String::new(), ..licence() }), "plk_field");
    assert_eq!(refused(Licence { licensee_pubkey: Some([0; 32]), ..licence() }), "plk_field");
    assert_eq!(refused(Licence { expires_at: NOW - 10, ..licence() }), "plk_field");
    assert_eq!(
        refused(Licence { allowed_domains: vec!["*.example.com".into()], ..licence() }),
        "domain_wildcard"
    );
    assert_eq!(refused(Licence { allowed_tlds: vec!["".into()], ..licence() }), "domain_invalid");
    let many = vec!["a.example".to_owned(); LICENCE_BYTES / 12];
    assert_eq!(refused(Licence { allowed_domains: many, ..licence() }), "plk_too_large");
}

#[test]
fn json_has_one_meaning() {
    let json = licence().sign(&key()).unwrap().to_json().unwrap();
    let read = |json: &str| Licence::from_json(json.as_bytes()).map_err(|error| error.code());
    assert!(read(&format!(" {json}\n")).is_ok());
    let cases = [
        json.replace(r#"{"ALLOWED"#, r#"{"EXTRA":1,"ALLOWED"#),
        json.replace(r#""PLUGIN_ID":"#, r#""PLUGIN_ID":"other","PLUGIN_ID":"#),
        json.replace(r#""MAX_ACTIVATIONS":3"#, r#""MAX_ACTIVATIONS":"3""#),
        json.replace(r#""MAX_ACTIVATIONS":3"#, r#""MAX_ACTIVATIONS":3.0"#),
        json.replace(r#""MAX_ACTIVATIONS":3,"#, ""),
        json.replace(r#""ISSUED_AT":""#, r#""ISSUED_AT":"0"#),
        json.replace("Enterprise", "enterprise"),
        json.replace("SIGNATURE\":\"", "SIGNATURE\":\"00"),
        format!("{json}x"),
    ];
    for changed in cases {
        assert_ne!(changed, json);
        assert_eq!(read(&changed), Err("plk_malformed"), "{changed}");
    }
    assert_eq!(read(&json.replace(PLUGIN, "")), Err("plk_field"));
    assert_eq!(read(&" ".repeat(LICENCE_BYTES + 1)), Err("plk_too_large"));
}

#[test]
fn a_flipped_bit_anywhere_in_a_signed_licence_is_refused() {
    let json = licence().sign(&key()).unwrap().to_json().unwrap().into_bytes();
    for at in 0..json.len() {
        for bit in 0..8 {
            let mut changed = json.clone();
            changed[at] ^= 1 << bit;
            let good = Licence::from_json(&changed).is_ok_and(|read| read.verify(&issuer(), &USAGE).is_ok());
            assert!(!good, "{}", String::from_utf8_lossy(&changed));
        }
    }
}

#[test]
fn flatbuffers_of_other_formats_or_with_fields_of_another_size_are_refused() {
    let written = licence().sign(&key()).unwrap().to_flatbuffer().unwrap();
    let refused = |bytes: &[u8]| Licence::from_flatbuffer(bytes).unwrap_err();
    assert_eq!(refused(&[&written[..], &[0]].concat()), PlkError::NotPlk);
    assert_eq!(refused(b""), PlkError::NotPlk);
    assert_eq!(refused(&vec![0; LICENCE_BYTES + 1]), PlkError::TooLarge);

    for name in ["ISSUER_PUBKEY", "SIGNATURE"] {
        assert_eq!(refused(&shortened(&written, name)), PlkError::Field { name });
    }
}

#[test]
fn a_verified_licence_opens_the_envelope_for_its_licensee() {
    let secret = SecretKey::from_bytes(Curve::X25519, &[7; 32]).unwrap();
    let recipient = secret.recipient();
    let dek = Dek::generate(&mut rng());
    let public = recipient.as_bytes().try_into().unwrap();
    let signed = Licence { licensee_pubkey: Some(public), ..licence() }.sign(&key()).unwrap();
    let verified = signed.verify(&issuer(), &USAGE).unwrap();

    let stranger = SecretKey::from_bytes(Curve::X25519, &[8; 32]).unwrap();
    let curve = SecretKey::from_bytes(Curve::P256, &[7; 32]).unwrap();
    let wrap = |recipient: &Recipient, plugin| ecdh::wrap(&dek, recipient, plugin, &mut rng()).unwrap();
    let envelopes = [
        wrap(&stranger.recipient(), PLUGIN),
        wrap(&curve.recipient(), PLUGIN),
        wrap(&recipient, "other"),
        wrap(&recipient, PLUGIN),
    ];
    assert_eq!(verified.open_with_licensee_key(&envelopes, &secret).unwrap(), dek);
    assert_eq!(verified.open_with_licensee_key(&envelopes[..3], &secret), Err(PlkError::NoEnvelope));
    for other in [&stranger, &curve] {
        assert_eq!(verified.open_with_licensee_key(&envelopes, other), Err(PlkError::WrongKey));
    }

    let unnamed = Envelope { salt: vec![1; 32], ..envelopes[3].clone() };
    assert_eq!(
        verified.open_with_licensee_key(&[unnamed], &Silent(secret.clone())),
        Err(PlkError::NoEnvelope)
    );
    assert_eq!(verified.open_with_licensee_key(&envelopes, &Silent(secret.clone())).unwrap(), dek);
    assert_eq!(
        verified.open_with_licensee_key(&envelopes, &Silent(stranger.clone())),
        Err(PlkError::NoEnvelope)
    );
    assert_eq!(verified.open_with_licensee_key(&envelopes, &Refusing), Err(EcdhError::Holder.into()));

    let nameless = licence().sign(&key()).unwrap();
    let refused = nameless.verify(&issuer(), &USAGE).unwrap().open_with_licensee_key(&envelopes, &secret);
    assert_eq!(refused, Err(PlkError::Field { name: "LICENSEE_PUBKEY" }));
}

#[test]
fn a_verified_licence_opens_the_slot_for_its_domain() {
    let dek = Dek::generate(&mut rng());
    let secret = DomainSecret::generate(&mut rng());
    let key_of = |domain| DomainKey::derive(&secret, domain, PLUGIN, DomainVersion::V2 { epoch: 1 }).unwrap();
    let slots = ["a.example", "app.example.com"].map(|domain| key_of(domain).wrap(&dek, &mut rng()).unwrap());

    let signed = licence().sign(&key()).unwrap();
    let verified = signed.verify(&issuer(), &USAGE).unwrap();
    assert_eq!(verified.open_with_domain_key(&slots, &key_of("app.example.com")).unwrap(), dek);
    assert_eq!(verified.open_with_domain_key(&slots, &key_of("b.example")), Err(PlkError::NoSlot));
}

/// A holder that does not tell which key it has.
struct Silent(SecretKey);

impl Agreement for Silent {
    fn curve(&self) -> Curve {
        self.0.curve()
    }

    fn agree(&self, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
        self.0.agree(public)
    }
}

/// A holder whose owner says no.
struct Refusing;

impl Agreement for Refusing {
    fn curve(&self) -> Curve {
        Curve::X25519
    }

    fn agree(&self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
        Err(EcdhError::Holder)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_licence_comes_back_from_json_and_flatbuffer(licence in any_licence()) {
        let signed = licence.sign(&key()).unwrap();
        prop_assert_eq!(&Licence::from_json(signed.to_json().unwrap().as_bytes()).unwrap(), &signed);
        let written = signed.to_flatbuffer().unwrap();
        prop_assert_eq!(&Licence::from_flatbuffer(&written).unwrap(), &signed);
        prop_assert_eq!(&Licence::from_flatbuffer(&written[4..]).unwrap(), &signed);
        prop_assert_eq!(signed.check_signature(&issuer()), Ok(()));
    }

    #[test]
    fn a_changed_flatbuffer_is_refused_or_says_the_same(
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        cut in any::<Index>(),
    ) {
        let signed = licence().sign(&key()).unwrap();
        let mut changed = signed.to_flatbuffer().unwrap();
        for (at, to) in changes {
            let at = at.index(changed.len());
            changed[at] = to;
        }
        for bytes in [&changed[..], &changed[4..], &changed[..cut.index(changed.len())]] {
            if let Ok(read) = Licence::from_flatbuffer(bytes) && read.check_signature(&issuer()).is_ok() {
                prop_assert_eq!(&read, &signed);
            }
        }
    }

    #[test]
    fn nonsense_is_no_licence(mut bytes in proptest::collection::vec(any::<u8>(), 8..300)) {
        prop_assert!(Licence::from_json(&bytes).is_err());
        bytes[4..8].copy_from_slice(b"$PLK");
        prop_assert!(Licence::from_flatbuffer(&bytes).is_err());
    }
}

/// The same buffer with one byte less in that vector.
fn shortened(written: &[u8], name: &str) -> Vec<u8> {
    let signed = Licence::from_flatbuffer(written).unwrap();
    let value: &[u8] = match name {
        "ISSUER_PUBKEY" => signed.issuer_pubkey.as_ref().unwrap(),
        _ => signed.signature.as_ref().unwrap(),
    };
    let at = written.windows(value.len()).position(|window| window == value).unwrap();
    let mut changed = written.to_vec();
    changed[at - 4] -= 1;
    changed
}

fn any_licence() -> impl Strategy<Value = Licence> {
    let texts = proptest::array::uniform5(any::<String>());
    let required = proptest::array::uniform3("\\PC{1,20}");
    let lists = proptest::array::uniform2(proptest::collection::vec("[a-z]{1,8}(\\.[a-z]{1,8}){0,3}", 0..4));
    let kind = proptest::sample::select(LicenceType::ALL.to_vec());
    (required, texts, lists, kind, any::<u32>(), any::<[u64; 2]>()).prop_map(
        |(
            [license_id, plugin_id, licensee_org],
            texts,
            [allowed_domains, allowed_tlds],
            license_type,
            max,
            times,
        )| {
            let [plugin_version, licensee_email, licensee_peer_id, issuer_peer_id, _] = texts;
            Licence {
                license_id,
                plugin_id,
                plugin_version,
                licensee_org,
                licensee_email,
                licensee_peer_id,
                allowed_domains,
                allowed_tlds,
                license_type,
                max_activations: max,
                issued_at: times[0],
                valid_from: times[1],
                issuer_peer_id,
                ..Licence::default()
            }
        },
    )
}

fn licence() -> Licence {
    Licence {
        license_id: "lic_1".into(),
        plugin_id: PLUGIN.into(),
        plugin_version: "1.2.3".into(),
        licensee_org: "Example Org".into(),
        allowed_domains: vec!["app.example.com".into()],
        license_type: LicenceType::Enterprise,
        max_activations: 3,
        issued_at: NOW - 100,
        valid_from: NOW - 10,
        expires_at: NOW + 1000,
        ..Licence::default()
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn issuer() -> VerifyingKey {
    key().verifying_key()
}

fn cases(vectors: &Value) -> Vec<Value> {
    vectors["licences"].as_array().unwrap().clone()
}
