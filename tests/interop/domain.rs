//! Domain keys and bundles: WebCrypto and OpenSSL derive the same keys, and open and make the same bundles.

use base64::{Engine, prelude::BASE64_STANDARD};
use sealpost_envelope::bundle::Bundle;
use sealpost_envelope::domain::{DomainKey, DomainSecret, DomainVersion};
use sealpost_envelope::ecdh::{Curve, SecretKey};
use sealpost_envelope::psek::{self, Psek};
use sealpost_envelope::release::Trust;
use serde_json::json;

use crate::cases::Cases;
use crate::peer::{Peer, text};

const DOMAINS: [&str; 4] = ["example.com", "a.b.example.org", "xn--bcher-kva.example", "localhost"];

#[test]
fn openssl_agrees_on_domain_keys() {
    agree_on_domain_keys("openssl", Peer::python("openssl"));
}

#[test]
fn webcrypto_agrees_on_domain_keys() {
    agree_on_domain_keys("webcrypto", Peer::node("bundle"));
}

/// Both derivations: the key itself is what a page is given.
#[test]
fn a_page_opens_our_bundles_with_a_domain_key_and_we_open_its() {
    let (mut cases, mut page) = (Cases::new("bundle/domain"), Peer::node("bundle"));
    for round in 0..Cases::count() {
        let secret = DomainSecret::generate(cases.rng());
        let epoch = u64::from_be_bytes(cases.array()) >> cases.below(64);
        let version = [
            DomainVersion::V1 { epoch: None },
            DomainVersion::V1 { epoch: Some(epoch) },
            DomainVersion::V2 { epoch },
        ][round % 3];
        let plugin_id = cases.plugin_id();
        let keys = DOMAINS.map(|domain| DomainKey::derive(&secret, domain, &plugin_id, version).unwrap());
        let size = cases.below(5000);
        let plain = cases.bytes(size);

        let (mut ours, dek) = Bundle::seal(&plugin_id, &plain, cases.rng()).unwrap();
        ours.add_domains(&dek, &secret, &DOMAINS, version, cases.rng()).unwrap();
        for key in &keys {
            let request = json!({"key": hex::encode(key.expose()), "bundle": ours});
            assert_eq!(page.ask_bytes("open", "plain", request), plain);
        }
        let stranger = json!({"key": hex::encode(cases.array::<32>()), "bundle": ours});
        assert!(page.try_ask("open", stranger).is_err());

        let request = json!({
            "keys": keys.iter().map(|key| hex::encode(key.expose())).collect::<Vec<_>>(),
            "plain": hex::encode(&plain), "pluginId": plugin_id, "demo": cases.below(2) == 0,
        });
        let theirs = Bundle::from_json(page.ask("seal", request)["bundle"].to_string().as_bytes()).unwrap();
        assert_eq!(theirs.plugin_id, plugin_id);
        for key in &keys {
            assert_eq!(
                *theirs.verify(Trust::AllowUnsigned).unwrap().open_with_domain_key(key).unwrap(),
                plain
            );
        }
        let theirs = theirs.verify(Trust::AllowUnsigned).unwrap();
        assert!(theirs.open_with_domain_key(&DomainKey::from_bytes(cases.array())).is_err());
    }
}

/// The envelope by one library, the data by another.
#[test]
fn a_buyer_opens_our_bundles_and_we_open_those_of_others() {
    let mut cases = Cases::new("bundle/buyer");
    let (mut noble, mut webcrypto) = (Peer::node("noble"), Peer::node("webcrypto"));
    for curve in Curve::ALL {
        let secret = SecretKey::generate(curve, cases.rng());
        let (plugin_id, plain) = (cases.plugin_id(), cases.bytes(3000));

        let (mut ours, dek) = Bundle::seal(&plugin_id, &plain, cases.rng()).unwrap();
        ours.add_buyer(&dek, &secret.recipient(), cases.rng()).unwrap();
        let ours = serde_json::to_value(&ours).unwrap();
        let request = json!({
            "curve": curve, "secret": hex::encode(secret.expose()), "pluginId": plugin_id,
            "envelope": ours["buyerWrappedKeys"][0],
        });
        let dek = noble.ask("unwrap", request);
        let blob = hex::encode(BASE64_STANDARD.decode(text(&ours, "encryptedData")).unwrap());
        let opened = webcrypto.ask_bytes("openGcm", "plain", json!({"key": dek["dek"], "blob": blob}));
        assert_eq!(opened, plain);

        let request = json!({
            "curve": curve, "recipient": secret.recipient().to_hex(), "pluginId": plugin_id, "dek": dek["dek"],
        });
        let envelope = noble.ask("wrap", request)["envelope"].take();
        let request = json!({"key": dek["dek"], "plain": hex::encode(&plain)});
        let blob = webcrypto.ask_bytes("sealGcm", "blob", request);
        let theirs = json!({
            "pluginId": plugin_id, "encryptedData": BASE64_STANDARD.encode(blob), "envelope": envelope,
        });
        let theirs = Bundle::from_json(theirs.to_string().as_bytes()).unwrap();
        assert_eq!(
            *theirs.verify(Trust::AllowUnsigned).unwrap().open_with_buyer_key(&secret).unwrap(),
            plain
        );
    }
}

/// Read only, as they come from old stores.
#[test]
fn key_packages_of_openssl_under_a_psek_open() {
    let (mut cases, mut openssl) = (Cases::new("psek"), Peer::python("openssl"));
    for _ in 0..Cases::count() {
        let (psek, dek) = (cases.array(), cases.dek());
        let request = json!({"psek": hex::encode(psek), "dek": hex::encode(dek.expose())});
        let package = openssl.ask("psek", request);
        assert_eq!(psek::unwrap(text(&package, "package"), &Psek::from_bytes(psek)).unwrap(), dek);
    }
}

fn agree_on_domain_keys(name: &str, mut peer: Peer) {
    let mut cases = Cases::new(&format!("domain/{name}"));
    for _ in 0..Cases::count() {
        let len = 32 + cases.below(64);
        let secret = cases.bytes(len);
        let (domain, plugin_id) = (cases.pick(&DOMAINS), cases.plugin_id());
        let epoch = u64::from_be_bytes(cases.array()) >> cases.below(64);

        let secret_of_ours = DomainSecret::new(secret.clone()).unwrap();
        let ours =
            DomainKey::derive(&secret_of_ours, domain, &plugin_id, DomainVersion::V2 { epoch }).unwrap();
        // Beyond what JavaScript's numbers hold, so as text.
        let request = json!({
            "secret": hex::encode(secret), "domain": domain, "pluginId": plugin_id, "epoch": epoch.to_string(),
        });
        assert_eq!(peer.ask_bytes("domainKey", "key", request), ours.expose());
    }
}
