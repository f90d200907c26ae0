//! Words and keys are gone from memory when they are dropped.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../envelope/tests/it/memory.rs"]
mod memory;

use bip32::XPrv;
use memory::{gives_back_erased, is_erased};
use sealpost_envelope::ecdh::Curve;
use sealpost_wallet::{Language, Mnemonic, Wallet};

const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const ABOVE_EVERY_KEY: &str = "m/44'/9999'/0'/0";

#[test]
fn words_leave_nothing_where_they_were() {
    let numbers: Vec<u8> =
        bip39_words().word_indices().flat_map(|number| (number as u16).to_ne_bytes()).collect();
    assert_eq!(numbers.len(), 24);
    assert!(is_erased(&numbers, mnemonic()));
    assert!(gives_back_erased(mnemonic().expose(), |text| text.as_bytes()));
}

#[test]
fn the_key_and_chain_code_above_every_key_leave_nothing_where_they_were() {
    let account =
        XPrv::derive_from_path(&bip39_words().to_seed(""), &ABOVE_EVERY_KEY.parse().unwrap()).unwrap();
    let wallet = Wallet::new(&mnemonic(), "").unwrap();
    assert!(is_erased(&account.private_key().to_bytes(), wallet.clone()), "key");
    assert!(is_erased(&account.attrs().chain_code, wallet), "chain code");
}

#[test]
fn keys_of_every_curve_leave_nothing_where_they_were() {
    let wallet = Wallet::new(&mnemonic(), "").unwrap();
    for curve in Curve::ALL {
        let key = wallet.key(curve, 0).unwrap();
        let secret = key.expose().to_vec();
        assert!(is_erased(&secret, key), "{curve}");
    }
}

fn mnemonic() -> Mnemonic {
    Mnemonic::parse_in(Language::English, WORDS).unwrap()
}

fn bip39_words() -> bip39::Mnemonic {
    WORDS.parse().unwrap()
}
