//! Envelope JSON, and the unwrapping of envelopes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{ecdh, x25519};

fuzz_target!(|data: &[u8]| {
    let Ok(envelope) = serde_json::from_slice::<ecdh::Envelope>(data) else { return };
    let written = serde_json::to_vec(&envelope).unwrap();
    assert_eq!(serde_json::from_slice::<ecdh::Envelope>(&written).unwrap(), envelope);

    let stranger = x25519::Secret::from_bytes([7; 32]);
    assert!(ecdh::unwrap(&envelope, &stranger, "com.example.plugin").is_err(), "opened for a stranger");
});
