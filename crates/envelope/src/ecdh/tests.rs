use super::*;
use crate::x25519;

#[test]
fn the_envelope_is_the_json_of_the_documents() {
    let envelope = Envelope {
        ephemeral_pub: vec![0xab; 32],
        wrapped_dek: [0; slot::LEN],
        salt: vec![0xcd; 32],
        curve: Curve::X25519,
    };
    let expected = serde_json::json!({
        "ephemeralPub": "ab".repeat(32),
        "wrappedDEK": "A".repeat(80),
        "salt": "cd".repeat(32),
        "curve": "x25519",
    });
    assert_eq!(serde_json::to_value(&envelope).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Envelope>(expected).unwrap(), envelope);
}

#[test]
fn a_wrapped_key_of_another_length_is_refused() {
    let short = r#"{"ephemeralPub":"ab","wrappedDEK":"AAAA","salt":"","curve":"x25519"}"#;
    assert!(serde_json::from_str::<Envelope>(short).is_err());
}

#[test]
fn an_envelope_of_another_curve_is_refused_by_name() {
    let envelope = Envelope {
        ephemeral_pub: vec![2; 33],
        wrapped_dek: [0; slot::LEN],
        salt: Vec::new(),
        curve: Curve::Secp256k1,
    };
    let refused = unwrap(&envelope, &x25519::Secret::from_bytes([1; 32]), "p").unwrap_err();
    assert_eq!(refused, EcdhError::Curve { curve: Curve::Secp256k1, held: Curve::X25519 });
}

#[test]
fn the_vault_plugin_id_names_the_blob() {
    assert_eq!(
        vault_plugin_id(&Digest::of(b"abc")),
        "vault:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}
