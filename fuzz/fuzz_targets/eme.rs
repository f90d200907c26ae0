//! `$EME` FlatBuffers: single records, streams and collections.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{
    ErrorCode,
    ecdh::Curve,
    eme::{self, Record},
};

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = eme::from_bytes(data) {
        let suite = format!("ECDH-{}+HKDF-SHA256+AES-256-GCM", name(record.envelope.curve));
        assert!(data.windows(suite.len()).any(|text| text == suite.as_bytes()), "another curve than it says");
        assert_eq!(eme::from_any(data).as_ref(), Ok(&vec![record.clone()]));
        match eme::to_bytes(&record.envelope, record.plugin_id.as_deref()) {
            Ok(bytes) => {
                assert_eq!(eme::from_bytes(&bytes).as_ref(), Ok(&record));
                assert_eq!(eme::from_bytes(&bytes[4..]).as_ref(), Ok(&record), "without its size prefix");
                again(vec![record]);
            }
            Err(error) => assert_eq!(error.code(), "eme_too_large"),
        }
    }
    if let Ok(records) = eme::from_collection(data) {
        again(records);
    }
    if let Ok(records) = eme::from_stream(data) {
        again(records);
    }
});

fn again(records: Vec<Record>) {
    if let Ok(stream) = eme::to_stream(&records) {
        assert_eq!(eme::from_stream(&stream).as_ref(), Ok(&records));
        assert_eq!(eme::from_any(&stream).as_ref(), Ok(&records));
        let collection = eme::to_collection(&records).unwrap();
        assert_eq!(eme::from_collection(&collection).as_ref(), Ok(&records));
        assert_eq!(eme::from_any(&collection).as_ref(), Ok(&records));
    }
}

fn name(curve: Curve) -> &'static str {
    match curve {
        Curve::Ed25519 => "Ed25519",
        Curve::P256 => "P-256",
        Curve::P384 => "P-384",
        Curve::Secp256k1 => "secp256k1",
        Curve::X25519 => "X25519",
        _ => panic!("a curve without a name here"),
    }
}
