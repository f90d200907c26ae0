//! `$EME` FlatBuffers and npm's spacedatastandards.org: one record, several one after the other, a collection.

use base64::{Engine, prelude::BASE64_STANDARD};
use sealpost_envelope::ecdh::{self, Curve, Envelope, SecretKey};
use sealpost_envelope::eme::{self, Record};
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, bytes, text};

const UNUSED: [&str; 4] = ["MAC", "NONCE", "TAG", "IV"];

#[test]
fn space_data_standards_agrees_on_one_record() {
    let (mut cases, mut peer) = (Cases::new("eme"), Peer::node("eme"));
    for _ in 0..Cases::count() {
        let record = record(&mut cases);
        let theirs = bytes(&peer.ask("write", json!({"records": [fields(&record)]})), "bytes");
        assert_eq!(eme::from_bytes(&theirs).unwrap(), record, "size-prefixed");
        assert_eq!(eme::from_bytes(&theirs[4..]).unwrap(), record, "without the prefix");

        let ours = eme::to_bytes(&record.envelope, record.plugin_id.as_deref()).unwrap();
        let read = peer.ask("read", json!({"bytes": hex::encode(ours)}));
        assert_eq!(read["records"], json!([fields(&record)]));
    }
}

#[test]
fn space_data_standards_agrees_on_records_one_after_the_other() {
    let (mut cases, mut peer) = (Cases::new("eme/stream"), Peer::node("eme"));
    for len in [1, 2, 3, 17] {
        let records: Vec<Record> = (0..len).map(|_| record(&mut cases)).collect();
        let fields: Value = records.iter().map(fields).collect();
        let theirs = peer.ask_bytes("write", "bytes", json!({"records": fields}));
        assert_eq!(eme::from_stream(&theirs).unwrap(), records);
        assert_eq!(eme::from_any(&theirs).unwrap(), records);

        let ours = hex::encode(eme::to_stream(&records).unwrap());
        assert_eq!(peer.ask("read", json!({"bytes": ours}))["records"], fields);
    }
}

#[test]
fn space_data_standards_agrees_on_collections() {
    let (mut cases, mut peer) = (Cases::new("eme/collection"), Peer::node("eme"));
    for len in [0, 1, 2, 17] {
        let records: Vec<Record> = (0..len).map(|_| record(&mut cases)).collect();
        let fields: Value = records.iter().map(fields).collect();
        for prefixed in [true, false] {
            let request = json!({"records": fields, "sizePrefixed": prefixed});
            let theirs = peer.ask_bytes("writeCollection", "bytes", request);
            assert_eq!(eme::from_collection(&theirs).unwrap(), records);
            assert_eq!(eme::from_any(&theirs).unwrap(), records);

            let ours = eme::to_collection(&records).unwrap();
            let ours = if prefixed { &ours[..] } else { &ours[4..] };
            let request = json!({"bytes": hex::encode(ours), "sizePrefixed": prefixed});
            assert_eq!(peer.ask("readCollection", request)["records"], fields);
        }
    }
}

/// A record whose envelope went through the peer opens.
#[test]
fn an_envelope_that_space_data_standards_passed_on_opens() {
    let (mut cases, mut peer) = (Cases::new("eme/passed-on"), Peer::node("eme"));
    for curve in Curve::ALL {
        let (secret, dek) = (SecretKey::generate(curve, cases.rng()), cases.dek());
        let envelope = ecdh::wrap(&dek, &secret.recipient(), "p", cases.rng()).unwrap();
        let ours = hex::encode(eme::to_bytes(&envelope, Some("p")).unwrap());
        let mut read = peer.ask("read", json!({"bytes": ours}));
        assert_eq!(text(&read["records"][0], "KDF_PARAMETERS"), kdf(&envelope, Some("p")));
        let theirs = peer.ask_bytes("write", "bytes", json!({"records": read["records"].take()}));
        let record = eme::from_bytes(&theirs).unwrap();
        assert_eq!(ecdh::unwrap(&record.envelope, &secret, "p").unwrap(), dek);
    }
}

fn record(cases: &mut Cases) -> Record {
    let curve = Curve::ALL[cases.below(Curve::ALL.len())];
    let recipient = SecretKey::generate(curve, cases.rng()).recipient();
    let plugin_id = (cases.below(4) != 0).then(|| cases.plugin_id());
    let dek = cases.dek();
    let envelope = ecdh::wrap(&dek, &recipient, plugin_id.as_deref().unwrap_or("p"), cases.rng()).unwrap();
    Record { envelope, plugin_id }
}

/// The fields as the format's description says them, from the JSON of the envelope.
fn fields(record: &Record) -> Value {
    let envelope = serde_json::to_value(&record.envelope).unwrap();
    let suite = match text(&envelope, "curve") {
        "ed25519" => "ECDH-Ed25519+HKDF-SHA256+AES-256-GCM",
        "p256" => "ECDH-P-256+HKDF-SHA256+AES-256-GCM",
        "p384" => "ECDH-P-384+HKDF-SHA256+AES-256-GCM",
        "secp256k1" => "ECDH-secp256k1+HKDF-SHA256+AES-256-GCM",
        "x25519" => "ECDH-X25519+HKDF-SHA256+AES-256-GCM",
        other => panic!("the curve {other} has no suite"),
    };
    let mut fields = json!({
        "ENCRYPTED_BLOB": hex::encode(BASE64_STANDARD.decode(text(&envelope, "wrappedDEK")).unwrap()),
        "EPHEMERAL_PUBLIC_KEY": envelope["ephemeralPub"],
        "PUBLIC_KEY_IDENTIFIER": envelope["salt"],
        "CIPHER_SUITE": suite,
        "KDF_PARAMETERS": kdf(&record.envelope, record.plugin_id.as_deref()),
        "ENCRYPTION_ALGORITHM_PARAMETERS": r#"{"iv":12,"name":"AES-256-GCM","tag":16}"#,
    });
    for name in UNUSED {
        fields[name] = Value::Null;
    }
    fields
}

fn kdf(envelope: &Envelope, plugin_id: Option<&str>) -> String {
    let salt = hex::encode(&envelope.salt);
    match plugin_id {
        Some(id) => json!({"info": format!("orbpro-marketplace:{id}"), "salt": salt}).to_string(),
        None => json!({"salt": salt}).to_string(),
    }
}
