//! What holds for every signed statement, whatever it says.

use proptest::{collection::vec, prelude::*, sample::Index};
use sealpost_envelope::{
    ContentCipher, Dek, Expected, JobManifest, KeySet, KeyUse, SigningKey,
    bundle::Bundle,
    domain::DomainKey,
    keyset::SetKey,
    plk::Licence,
    release::{Release, Trust},
};
use serde_json::{Map, Value, json};

use crate::common::{rng, text, vectors};

/// The first time that RFC 8785 rounds.
const END: u64 = 1 << 53;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_manifest_comes_back(manifest in any_manifest(), now: u64) {
        let jws = manifest.sign(&key()).unwrap();
        let verified = JobManifest::verify(&jws, &keys(), expected(&manifest), now);
        let in_time = manifest.iat <= now.saturating_add(sealpost_envelope::manifest::LEEWAY) && now < manifest.exp;
        prop_assert_eq!(verified.is_ok(), in_time);
        if in_time {
            prop_assert_eq!(verified.unwrap(), manifest);
        }
    }

    #[test]
    fn a_manifest_with_a_changed_byte_is_refused(manifest in any_manifest(), at in any::<Index>(), change in 1..=127u8) {
        let now = manifest.iat.min(manifest.exp - 1);
        let jws = manifest.sign(&key()).unwrap();
        prop_assert!(JobManifest::verify(&jws, &keys(), expected(&manifest), now).is_ok());
        prop_assert!(JobManifest::verify(&changed(&jws, at, change), &keys(), expected(&manifest), now).is_err());
    }

    #[test]
    fn any_key_set_comes_back_and_with_a_changed_byte_is_refused(
        set in any_key_set(), at in any::<Index>(), change in 1..=127u8,
    ) {
        let root = key().verifying_key();
        let jws = set.sign(&key()).unwrap();
        prop_assert_eq!(&KeySet::verify(&jws, &root, set.version.checked_sub(1)).unwrap(), &set);
        prop_assert!(KeySet::verify(&jws, &root, Some(set.version)).is_err());
        prop_assert!(KeySet::verify(&changed(&jws, at, change), &root, None).is_err());
    }

    #[test]
    fn any_release_keeps_its_signature_on_its_way(release in any_release()) {
        let signature = release.sign(&key()).unwrap();
        let arrived: Release = serde_json::from_str(&serde_json::to_string(&release).unwrap()).unwrap();
        prop_assert_eq!(arrived.verify(&signature, &key().verifying_key()), Ok(()));
        prop_assert_eq!(arrived, release);
    }

    /// A changed byte may still say the same, such as an upper-case digit of a hash that is read in either case.
    #[test]
    fn a_statement_whose_json_changed_says_the_same_or_is_refused(at in any::<Index>(), change in 1..=127u8) {
        let publisher = key().verifying_key();

        let bundle = signed_bundle();
        if let Ok(read) = Bundle::from_json(changed(&bundle.to_json().unwrap(), at, change).as_bytes())
            && let Ok(verified) = read.verify(Trust::Publisher(&publisher))
        {
            prop_assert_eq!(read.release().unwrap(), bundle.release().unwrap());
            if let Ok(opened) = verified.open_with_domain_key(&domain_key()) {
                prop_assert_eq!(&*opened, b"wasm");
            }
        }

        let licence = signed_licence();
        if let Ok(read) = Licence::from_json(changed(&licence.to_json().unwrap(), at, change).as_bytes())
            && read.check_signature(&publisher).is_ok()
        {
            prop_assert_eq!(read, licence);
        }

        let release = bundle.release().unwrap();
        let json = serde_json::to_string(&release).unwrap();
        if let Ok(read) = serde_json::from_str::<Release>(&changed(&json, at, change))
            && read.verify(&bundle.signature.unwrap(), &publisher).is_ok()
        {
            prop_assert_eq!(read, release);
        }
    }

    /// One member of a good statement is something else, at random.
    #[test]
    fn members_of_any_kind_are_read_or_refused(at in any::<Index>(), value in any_json()) {
        let good = [
            serde_json::to_value(signed_bundle()).unwrap(),
            serde_json::to_value(signed_bundle().release().unwrap()).unwrap(),
            serde_json::to_value(signed_licence()).unwrap(),
        ];
        for mut statement in good {
            let members = statement.as_object_mut().unwrap();
            let name = members.keys().nth(at.index(members.len())).unwrap().clone();
            members.insert(name, value.clone());
            let json = statement.to_string();
            if let Ok(bundle) = Bundle::from_json(json.as_bytes()) {
                let again = Bundle::from_json(bundle.to_json().unwrap().as_bytes()).unwrap();
                prop_assert!(again == bundle, "{}", json);
            }
            let _ = serde_json::from_str::<Release>(&json);
            let _ = Licence::from_json(json.as_bytes());
        }
    }

    #[test]
    fn nonsense_is_no_statement(bytes in vec(any::<u8>(), 0..400), text in "[A-Za-z0-9_.\\-]{0,300}") {
        let root = key().verifying_key();
        prop_assert!(KeySet::verify(&text, &root, None).is_err());
        prop_assert!(KeySet::verify(&String::from_utf8_lossy(&bytes), &root, None).is_err());
        let manifest = Expected { iss: "i", printer: "p", job: "j", nonce: "n" };
        prop_assert!(JobManifest::verify(&text, &keys(), manifest, 0).is_err());
        prop_assert!(Licence::from_json(&bytes).is_err());
        prop_assert!(Licence::from_flatbuffer(&bytes).is_err());
        prop_assert!(Bundle::from_json(&bytes).is_err());
        prop_assert!(serde_json::from_slice::<Release>(&bytes).is_err());
    }
}

fn any_manifest() -> impl Strategy<Value = JobManifest> {
    let ciphers = vec![ContentCipher::Age, ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm];
    let texts = proptest::array::uniform6("\\PC{0,20}");
    let hashes = any::<[[u8; 32]; 3]>();
    (texts, hashes, proptest::sample::select(ciphers), any::<[u8; 16]>(), any::<[u64; 2]>(), 0..END, 1..END)
        .prop_map(|([iss, aud, job, listing, release, nonce], hashes, cipher, iv, sizes, iat, exp)| {
            JobManifest {
                iss,
                aud,
                job,
                listing,
                release,
                nonce,
                cipher,
                iv: cipher.has_outer_iv().then_some(iv),
                blob_sha256: hashes[0],
                blob_size: sizes[0],
                key_sha256: hashes[1],
                plain_sha256: hashes[2],
                plain_size: sizes[1],
                iat: iat.min(exp - 1),
                exp,
            }
        })
}

fn any_key_set() -> impl Strategy<Value = KeySet> {
    let keys = vec((any::<[u8; 32]>(), any::<bool>()), 0..4);
    ("\\PC{0,20}", 1..u64::MAX, 0..END, keys).prop_map(|(iss, version, iat, keys)| KeySet {
        iss,
        version,
        iat,
        keys: keys
            .into_iter()
            .map(|(seed, jobs)| {
                let key_use = if jobs { KeyUse::Jobs } else { KeyUse::Tokens };
                SetKey::new(key_use, SigningKey::from_bytes(&seed).verifying_key())
            })
            .collect(),
    })
}

fn any_release() -> impl Strategy<Value = Release> {
    (proptest::array::uniform3("\\PC{0,20}"), any::<[u8; 32]>(), any::<bool>(), any_members()).prop_map(
        |([listing, version, cid], plain_sha256, has_cid, manifest)| Release {
            publisher: key().verifying_key().to_bytes(),
            listing,
            version,
            cid: has_cid.then_some(cid),
            plain_sha256,
            cipher: ContentCipher::Aes256Gcm,
            manifest,
        },
    )
}

fn any_members() -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::btree_map("\\PC{0,8}", any_json(), 0..5)
        .prop_map(|members| members.into_iter().collect())
}

/// Numbers in it are the same in every JSON library.
fn any_json() -> impl Strategy<Value = Value> {
    let whole = 1 - END as i64..END as i64;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        whole.prop_map(Value::from),
        proptest::num::f64::NORMAL
            .prop_filter("written as an integer", |x| x.abs() < END as f64 || x.abs() >= 1e21)
            .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        vec(any::<u8>(), 0..70).prop_map(|bytes| hex::encode(bytes).into()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let members = proptest::collection::btree_map("\\PC{0,8}", inner.clone(), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn signed_bundle() -> Bundle {
    let dek = Dek::from_bytes([5; 32]);
    let mut bundle = Bundle::seal_with("com.publisher.my-plugin", b"wasm", &dek, &mut rng()).unwrap();
    bundle.version = "1.0.0".into();
    bundle.manifest = json!({ "name": "My Plugin", "half": 0.5 }).as_object().unwrap().clone();
    bundle.domain_wrapped_keys.push(domain_key().wrap(&dek, &mut rng()).unwrap());
    bundle.sign(&key()).unwrap();
    bundle
}

fn signed_licence() -> Licence {
    let json = vectors("plk.json")["licences"][0].clone();
    Licence::from_json(text(&json, "json").as_bytes()).unwrap().sign(&key()).unwrap()
}

fn domain_key() -> DomainKey {
    DomainKey::from_bytes([6; 32])
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn keys() -> KeySet {
    let keys = vec![SetKey::new(KeyUse::Jobs, key().verifying_key())];
    KeySet { iss: String::new(), version: 1, iat: 0, keys }
}

fn expected(manifest: &JobManifest) -> Expected<'_> {
    Expected { iss: &manifest.iss, printer: &manifest.aud, job: &manifest.job, nonce: &manifest.nonce }
}

/// Another ASCII character in one place; what is not ASCII is left alone.
fn changed(text: &str, at: Index, change: u8) -> String {
    let places: Vec<usize> =
        text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii()).map(|(at, _)| at).collect();
    let at = places[at.index(places.len())];
    let other = char::from(text.as_bytes()[at] ^ change);
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
