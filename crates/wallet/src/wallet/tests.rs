use serde_json::Value;

use super::*;

/// Made with other programs; the suite `vectors` reads it too.
fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wallet.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn bytes<const N: usize>(hex: &Value) -> [u8; N] {
    hex::decode(hex.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn wallet() -> Wallet {
    let words = Mnemonic::parse(&format!("{} about", ["abandon"; 11].join(" "))).unwrap();
    Wallet::new(&words, "").unwrap()
}

#[test]
fn the_published_key_of_hd_wallet_wasm_comes_out() {
    let key = wallet().key(Curve::Secp256k1, 0).unwrap();
    assert_eq!(hex::encode(key.expose()), "f77999a4d727d792213ae012f18621208ea91a7246e5bf69a4317942abeca750");
    assert_eq!(
        hex::encode(key.recipient().as_bytes()),
        "03e95745eb5f028b4e23fb4c5af97fb49426d522c4228fe6dd922f2585e6b1bf96"
    );
}

#[test]
fn every_index_and_passphrase_has_keys_of_its_own() {
    let words = Mnemonic::parse(&format!("{} about", ["abandon"; 11].join(" "))).unwrap();
    let other = Wallet::new(&words, "other").unwrap();
    for curve in Curve::ALL {
        let keys = [wallet().key(curve, 0), wallet().key(curve, 1), other.key(curve, 0)];
        let [first, second, third] = keys.map(|key| key.unwrap().recipient());
        assert!(first != second && first != third && second != third, "{curve}");
    }
}

#[test]
fn an_index_above_the_last_is_refused() {
    assert_eq!(path(0x7fff_ffff).unwrap(), "m/44'/9999'/0'/0/2147483647");
    assert_eq!(path(0x8000_0000), Err(WalletError::Index { index: 0x8000_0000 }));
    assert_eq!(wallet().key(Curve::X25519, u32::MAX).unwrap_err(), WalletError::Index { index: u32::MAX });
    wallet().key(Curve::X25519, 0x7fff_ffff).unwrap();
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", wallet()), "Wallet([redacted])");
}

#[test]
fn a_scalar_not_below_the_order_of_p_256_is_refused_there_alone() {
    for scalar in vectors()["p256_refused"].as_array().unwrap() {
        assert!(key_of(Curve::P256, &bytes(scalar)).is_none(), "{scalar}");
        for curve in [Curve::Ed25519, Curve::P384, Curve::Secp256k1, Curve::X25519] {
            assert!(key_of(curve, &bytes(scalar)).is_some(), "{curve} {scalar}");
        }
    }
}

#[test]
fn any_48_bytes_become_a_key_of_p_384() {
    for case in vectors()["p384_reduction"].as_array().unwrap() {
        let key = reduce(&bytes(&case["wide"]));
        assert_eq!(*key, bytes(&case["key"]), "{case}");
        SecretKey::from_bytes(Curve::P384, &*key).unwrap();
    }
}
