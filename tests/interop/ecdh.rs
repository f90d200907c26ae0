//! `ecdh` envelopes, on every curve a peer has: public keys, envelopes made there and opened here, made here and
//! opened there. Ours are made and opened by each backend.

use sealpost_envelope::ecdh::{self, Backend, Curve, Envelope, Recipient, SecretKey};
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, bytes, text};

macro_rules! agree {
    ($($name:ident: $peer:expr, $curve:ident, $senders:ident;)*) => {$(
        #[test]
        fn $name() {
            agree(stringify!($name), $peer, Curve::$curve, Senders::$senders);
        }
    )*};
}

agree! {
    webcrypto_agrees_on_p256: Peer::node("webcrypto"), P256, InBothForms;
    webcrypto_agrees_on_p384: Peer::node("webcrypto"), P384, InBothForms;
    webcrypto_agrees_on_x25519: Peer::node("webcrypto"), X25519, InOneForm;

    noble_agrees_on_ed25519: Peer::node("noble"), Ed25519, InOneForm;
    noble_agrees_on_p256: Peer::node("noble"), P256, InBothForms;
    noble_agrees_on_p384: Peer::node("noble"), P384, InBothForms;
    noble_agrees_on_secp256k1: Peer::node("noble"), Secp256k1, InBothForms;
    noble_agrees_on_x25519: Peer::node("noble"), X25519, InOneForm;

    hd_wallet_agrees_on_p256: Peer::node("hdwallet"), P256, InOneForm;
    hd_wallet_agrees_on_p384: Peer::node("hdwallet"), P384, InOneForm;
    hd_wallet_agrees_on_secp256k1: Peer::node("hdwallet"), Secp256k1, InOneForm;
    hd_wallet_agrees_on_x25519: Peer::node("hdwallet"), X25519, InOneForm;

    openssl_agrees_on_p256: Peer::python("openssl"), P256, InBothForms;
    openssl_agrees_on_p384: Peer::python("openssl"), P384, InBothForms;
    openssl_agrees_on_secp256k1: Peer::python("openssl"), Secp256k1, InBothForms;
    openssl_agrees_on_x25519: Peer::python("openssl"), X25519, InOneForm;

    sodium_agrees_on_ed25519: Peer::python("sodium"), Ed25519, InOneForm;
    sodium_agrees_on_x25519: Peer::python("sodium"), X25519, InOneForm;
}

/// How a peer writes its ephemeral keys.
#[derive(PartialEq)]
enum Senders {
    InBothForms,
    InOneForm,
}

fn agree(name: &str, mut peer: Peer, curve: Curve, senders: Senders) {
    assert_eq!(Backend::ALL.len(), 2, "the suite compares both backends");
    let mut cases = Cases::new(name);
    for _ in 0..Cases::count() {
        for &backend in Backend::ALL {
            agree_once(&mut cases, &mut peer, backend, curve, &senders);
        }
    }
}

fn agree_once(cases: &mut Cases, peer: &mut Peer, backend: Backend, curve: Curve, senders: &Senders) {
    let secret = SecretKey::generate_by(backend, curve, cases.rng());
    let dek = cases.dek();
    let plugin_id = cases.plugin_id();
    let secret_hex = hex::encode(secret.expose());

    let public = peer.ask("publicKey", json!({"curve": curve, "secret": secret_hex}));
    assert_eq!(text(&public, "publicKey"), secret.recipient().to_hex(), "the public key");
    let recipient = Recipient::new_by(backend, curve, &bytes(&public, "publicKey")).unwrap();

    let mut request = json!({
        "curve": curve, "recipient": recipient.to_hex(), "pluginId": plugin_id, "dek": hex::encode(dek.expose()),
    });
    if *senders == Senders::InBothForms {
        request["uncompressed"] = (cases.below(2) == 0).into();
    }
    let made_there = envelope(peer.ask("wrap", request.clone()));
    assert_eq!(made_there.salt, recipient.salt(), "the salt a writer takes");
    assert_eq!(ecdh::unwrap(&made_there, &secret, &plugin_id).unwrap(), dek, "made there, opened here");
    assert!(ecdh::unwrap(&made_there, &secret, &format!("{plugin_id}x")).is_err());

    let len = cases.below(80);
    request["salt"] = hex::encode(cases.bytes(len)).into();
    let salted = envelope(peer.ask("wrap", request));
    assert_eq!(salted.salt.len(), len);
    assert_eq!(ecdh::unwrap(&salted, &secret, &plugin_id).unwrap(), dek, "with any salt");

    let made_here = ecdh::wrap(&dek, &recipient, &plugin_id, cases.rng()).unwrap();
    let mut request = json!({
        "curve": curve, "secret": secret_hex, "pluginId": plugin_id, "envelope": made_here,
    });
    let opened = peer.ask_bytes("unwrap", "dek", request.clone());
    assert_eq!(opened, dek.expose(), "made here, opened there");
    request["pluginId"] = format!("{plugin_id}x").into();
    assert!(peer.try_ask("unwrap", request).is_err(), "for another plugin");
}

fn envelope(mut answer: Value) -> Envelope {
    serde_json::from_value(answer["envelope"].take()).unwrap()
}
