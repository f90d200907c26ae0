//! Envelope JSON of every curve: as it is, and changed ones.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{
    Dek,
    ecdh::{self, Curve, Envelope, SecretKey},
};
use sealpost_fuzz::{Counting, edited, strangers};

const PLUGIN: &str = "com.example.plugin";

/// One envelope for each curve, as JSON, and the key it was made for.
static MADE: LazyLock<Vec<(String, SecretKey)>> = LazyLock::new(|| {
    let make = |curve| {
        let secret = SecretKey::generate(curve, &mut Counting::default());
        let envelope = ecdh::wrap(&dek(), &secret.recipient(), PLUGIN, &mut Counting::from(100)).unwrap();
        (serde_json::to_string(&envelope).unwrap(), secret)
    };
    Curve::ALL.into_iter().map(make).collect()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(data) {
        let written = serde_json::to_vec(&envelope).unwrap();
        assert_eq!(serde_json::from_slice::<Envelope>(&written).unwrap(), envelope);
        for stranger in strangers() {
            assert!(ecdh::unwrap(&envelope, stranger, PLUGIN).is_err(), "opened for a stranger");
        }
    }

    let Some((which, script)) = data.split_first() else { return };
    let (json, secret) = &MADE[usize::from(*which) % MADE.len()];
    let changed = edited(json.as_bytes(), script);
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&changed) else { return };
    let original: Envelope = serde_json::from_str(json).unwrap();
    match ecdh::unwrap(&envelope, secret, PLUGIN) {
        Ok(opened) => {
            assert_eq!(opened, dek());
            // ECDH sees the x coordinate only: the parity of a compressed point may differ, and nothing else.
            let x = |key: &[u8]| key.get(usize::from(key.len() != 32)..).map(<[u8]>::to_vec);
            assert_eq!(x(&envelope.ephemeral_pub), x(&original.ephemeral_pub), "a changed sender opens");
            assert_eq!(Envelope { ephemeral_pub: original.ephemeral_pub.clone(), ..envelope }, original);
        }
        Err(_) => assert_ne!(envelope, original, "an unchanged envelope does not open"),
    }
});

fn dek() -> Dek {
    Dek::from_bytes([9; 32])
}
