//! The package for JavaScript in `sdk/plugin-sdk`: envelopes, bundles, licences and wallets, made here and opened there, made
//! there and opened here.

use sealpost_envelope::{
    SigningKey,
    bundle::Bundle,
    domain::{DomainKey, DomainSecret, DomainVersion},
    ecdh::{self, Curve, Envelope, SecretKey},
    plk::{Licence, LicenceType, Usage},
    release::Trust,
};
use sealpost_wallet::{Language, Mnemonic, Wallet, WordCount};
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, text};

const DOMAINS: [&str; 4] = ["example.com", "Bücher.example", "localhost", "[::1]"];

#[test]
fn the_sdk_agrees_on_envelopes_of_every_curve() {
    let (mut cases, mut peer) = (Cases::new("sdk/envelopes"), sdk());
    for _ in 0..Cases::count() {
        for curve in Curve::ALL {
            let secret = SecretKey::generate(curve, cases.rng());
            let (dek, plugin_id) = (cases.dek(), cases.plugin_id());
            let key = hex::encode(secret.expose());
            let recipient = secret.recipient();
            let public = peer.ask("publicKey", json!({"curve": curve, "secret": key}));
            assert_eq!(text(&public, "publicKey"), recipient.to_hex());

            let request = json!({
                "curve": curve, "recipient": recipient.to_hex(), "pluginId": plugin_id,
                "dek": hex::encode(dek.expose()),
            });
            let made_there = envelope(peer.ask("wrap", request));
            assert_eq!(made_there.salt, recipient.salt());
            assert_eq!(ecdh::unwrap(&made_there, &secret, &plugin_id).unwrap(), dek);

            let made_here = ecdh::wrap(&dek, &recipient, &plugin_id, cases.rng()).unwrap();
            let mut request = json!({"secret": key, "pluginId": plugin_id, "envelope": made_here});
            assert_eq!(peer.ask_bytes("unwrap", "dek", request.clone()), dek.expose());
            request["pluginId"] = format!("{plugin_id}x").into();
            assert!(peer.try_ask("unwrap", request).is_err(), "for another plugin");
        }
    }
}

#[test]
fn the_sdk_agrees_on_signed_bundles_for_buyers_and_domains() {
    let (mut cases, mut peer) = (Cases::new("sdk/bundles"), sdk());
    for round in 0..Cases::count() {
        let buyers = Curve::ALL.map(|curve| SecretKey::generate(curve, cases.rng()));
        let secret = DomainSecret::generate(cases.rng());
        let epoch = u64::from_be_bytes(cases.array()) >> cases.below(64);
        let version = [
            DomainVersion::V1 { epoch: None },
            DomainVersion::V1 { epoch: Some(epoch) },
            DomainVersion::V2 { epoch },
        ][round % 3];
        let size = cases.below(5000);
        let (plugin_id, plain, manifest) = (cases.plugin_id(), cases.bytes(size), cases.object(2));
        let key = SigningKey::from_bytes(&cases.array());
        let publisher = hex::encode(key.verifying_key().to_bytes());

        let (mut ours, dek) = Bundle::seal(&plugin_id, &plain, cases.rng()).unwrap();
        (ours.version, ours.manifest) = (cases.text(), manifest.clone());
        ours.sign(&key).unwrap();
        ours.add_domains(&dek, &secret, &DOMAINS, version, cases.rng()).unwrap();
        for buyer in &buyers {
            ours.add_buyer(&dek, &buyer.recipient(), cases.rng()).unwrap();
        }
        let mut requests: Vec<Value> = buyers
            .iter()
            .map(|buyer| json!({"curve": buyer.curve(), "key": hex::encode(buyer.expose())}))
            .chain(DOMAINS.map(|domain| json!({"secret": hex::encode(secret.expose()), "domain": domain})))
            .collect();
        for request in &mut requests {
            request["bundle"] = serde_json::to_value(&ours).unwrap();
            request["publisher"] = publisher.clone().into();
            assert_eq!(peer.ask_bytes("open", "plain", request.clone()), plain);
        }
        let mut forged = requests.swap_remove(0);
        forged["bundle"]["version"] = "another".into();
        let refusal = peer.try_ask("open", forged).unwrap_err();
        assert!(refusal.contains("signature"), "{refusal}");

        let request = json!({
            "plain": hex::encode(&plain), "secret": hex::encode(secret.expose()), "pluginId": plugin_id,
            "domains": DOMAINS, "version": cases.text(), "manifest": manifest, "seed": hex::encode(key.to_bytes()),
            "buyers": buyers.each_ref().map(recipient),
            "domainKek": kek(version),
        });
        let theirs = Bundle::from_json(peer.ask("seal", request)["bundle"].to_string().as_bytes()).unwrap();
        assert_eq!(theirs.domain_version(), version);
        let theirs = theirs.verify(Trust::Publisher(&key.verifying_key())).unwrap();
        for buyer in &buyers {
            assert_eq!(*theirs.open_with_buyer_key(buyer).unwrap(), plain);
        }
        for domain in DOMAINS {
            let key = DomainKey::derive(&secret, domain, &plugin_id, version).unwrap();
            assert_eq!(*theirs.open_with_domain_key(&key).unwrap(), plain);
        }
    }
}

#[test]
fn the_sdk_agrees_on_licences_and_the_versions_they_are_for() {
    let (mut cases, mut peer) = (Cases::new("sdk/licences"), sdk());
    for _ in 0..4 * Cases::count() {
        let key = SigningKey::from_bytes(&cases.array());
        let issuer = hex::encode(key.verifying_key().to_bytes());
        let licence = Licence {
            license_id: format!("lic{}", cases.text()),
            plugin_id: cases.plugin_id(),
            plugin_version: range(&mut cases),
            licensee_org: format!("Org{}", cases.text()),
            licensee_email: cases.text(),
            allowed_domains: vec!["App.Example.com".into()],
            allowed_tlds: vec![".gov".into()],
            license_type: LicenceType::ALL[cases.below(LicenceType::ALL.len())],
            max_activations: u32::from_be_bytes(cases.array()),
            expires_at: u64::from_be_bytes(cases.array()) | 1 << 40,
            ..Licence::default()
        };
        let ours = licence.clone().sign(&key).unwrap();
        let unsigned: Value = serde_json::from_str(&licence.to_json().unwrap()).unwrap();
        let theirs =
            peer.ask("signLicence", json!({"licence": unsigned, "seed": hex::encode(key.to_bytes())}));
        assert_eq!(text(&theirs, "json"), ours.to_json().unwrap());

        for _ in 0..8 {
            let version = version(&mut cases);
            let usage = Usage {
                plugin_id: &licence.plugin_id,
                plugin_version: Some(&version),
                domain: Some(cases.pick(&["app.example.com", "NASA.gov", "gov", "example.com"])),
                activations: 0,
                now: 1 << 30,
            };
            let good = ours.verify(&key.verifying_key(), &usage).is_ok();
            let asked = json!({
                "json": ours.to_json().unwrap(), "issuer": issuer,
                "usage": {
                    "pluginId": usage.plugin_id, "pluginVersion": version, "domain": usage.domain, "now": usage.now,
                },
            });
            let answer = peer.try_ask("verifyLicence", asked);
            assert_eq!(answer.is_ok(), good, "{} {version}: {answer:?}", licence.plugin_version);
        }
    }
}

#[test]
fn the_sdk_agrees_on_wallet_keys_and_finds_their_index() {
    let (mut cases, mut peer) = (Cases::new("sdk/wallet"), sdk());
    for round in 0..Cases::count() {
        let count = WordCount::ALL[round % WordCount::ALL.len()];
        let mnemonic = Mnemonic::generate(count, Language::English, cases.rng());
        let passphrase = cases.pick(&["", "TREZOR", "пароль 🛰", "ﬁançaille Å"]);
        let wallet = Wallet::new(&mnemonic, passphrase).unwrap();
        let request = json!({"mnemonic": *mnemonic.expose(), "passphrase": passphrase});
        for curve in Curve::ALL {
            let index = u32::try_from(cases.below(20)).unwrap();
            let recipient = wallet.key(curve, index).unwrap().recipient();
            let mut asked = request.clone();
            (asked["curve"], asked["index"]) = (json!(curve), json!(index));
            let theirs = peer.ask("walletKey", asked);
            assert_eq!(text(&theirs, "publicKey"), recipient.to_hex(), "{curve} {index}");

            let mut asked = request.clone();
            asked["envelope"] = json!(ecdh::wrap(&cases.dek(), &recipient, "p", cases.rng()).unwrap());
            assert_eq!(peer.ask("findIndex", asked)["index"], index);
        }
    }
}

fn sdk() -> Peer {
    let packages = sealpost_tests::programs::root().join("sdk/node_modules");
    assert!(packages.exists(), "the packages of the SDK are not installed: run `npm ci` in `sdk`");
    Peer::node("sdk")
}

fn envelope(mut answer: Value) -> Envelope {
    serde_json::from_value(answer["envelope"].take()).unwrap()
}

fn recipient(buyer: &SecretKey) -> Value {
    json!({"curve": buyer.curve(), "publicKey": buyer.recipient().to_hex()})
}

fn kek(version: DomainVersion) -> Value {
    let mut kek = json!({"version": version.number()});
    if let Some(epoch) = version.epoch() {
        kek["epoch"] = epoch.to_string().into();
    }
    kek
}

/// A version, or a range of them, good or bad.
fn range(cases: &mut Cases) -> String {
    let mut range = String::new();
    for part in 0..=cases.below(2) {
        if part > 0 {
            range.push_str(cases.pick(&[",", ", ", " "]));
        }
        range.push_str(cases.pick(&["", "=", ">", ">=", "<", "<=", "~", "^", ">= ", "!"]));
        let version = version(cases);
        let whole = version.as_str();
        let (major, minor) = (&whole[..1], &whole[..3]);
        range.push_str(&match cases.below(6) {
            0 => major.to_owned(),
            1 => minor.to_owned(),
            2 => format!("{major}.*"),
            3 => format!("{minor}.x"),
            _ => whole.to_owned(),
        });
    }
    range
}

fn version(cases: &mut Cases) -> String {
    let [major, minor, patch] = [0; 3].map(|_: usize| cases.below(3));
    let pre = cases.pick(&["", "", "", "-a", "-a.1", "-1", "-rc.2", "-rc.10", "+b", "-01"]);
    format!("{major}.{minor}.{patch}{pre}")
}
