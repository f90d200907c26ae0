//! Wallets: hd-wallet-wasm derives the same keys, Python the same seeds and the same key on P-384, and every age program
//! opens a keystore.

use sealpost_envelope::ecdh::{self, Curve, Envelope};
use sealpost_wallet::{GAP, Keystore, Language, Mnemonic, Wallet, WordCount, WorkFactor, keystore, path};
use serde_json::json;

use crate::cases::Cases;
use crate::peer::{Peer, bytes, text};

/// hd-wallet-wasm takes ASCII alone.
const PASSPHRASES: [&str; 3] = ["", "TREZOR", "correct horse battery staple"];

#[test]
fn hd_wallet_agrees_on_wallet_keys() {
    let mut cases = Cases::new("wallet/keys");
    let (mut hd_wallet, mut openssl) = (Peer::node("hdwallet"), Peer::python("openssl"));
    for round in 0..Cases::count() {
        let count = WordCount::ALL[round % WordCount::ALL.len()];
        let mnemonic = Mnemonic::generate(count, Language::English, cases.rng());
        let passphrase = cases.pick(&PASSPHRASES);
        let wallet = Wallet::new(&mnemonic, passphrase).unwrap();
        let any = u32::from_be_bytes(cases.array()) >> 1;
        for index in [0, 1, any, (1 << 31) - 1] {
            let request = json!({
                "mnemonic": *mnemonic.expose(), "passphrase": passphrase, "path": path(index).unwrap(),
            });
            let theirs = hd_wallet.ask("walletKey", request);
            let scalar = text(&theirs, "secret");
            let ours = wallet.key(Curve::Secp256k1, index).unwrap();
            assert_eq!(text(&theirs, "publicKey"), ours.recipient().to_hex());

            let wide = openssl.ask("p384WalletKey", json!({"scalar": scalar}));
            for curve in Curve::ALL {
                let secret = if curve == Curve::P384 { text(&wide, "secret") } else { scalar };
                let ours = wallet.key(curve, index).unwrap();
                assert_eq!(hex::encode(ours.expose()), secret, "the private key on {curve}");
                let theirs = hd_wallet.ask("publicKey", json!({"curve": curve, "secret": secret}));
                assert_eq!(
                    text(&theirs, "publicKey"),
                    ours.recipient().to_hex(),
                    "the public key on {curve}"
                );
            }
        }
    }
}

#[test]
fn python_and_hd_wallet_agree_on_words_and_passphrases_of_any_language() {
    let mut cases = Cases::new("wallet/languages");
    let (mut hd_wallet, mut python) = (Peer::node("hdwallet"), Peer::python("openssl"));
    for language in Language::ALL {
        for passphrase in ["", "пароль 🛰", "ﬁançaille Å", "㍍ガバヴァぱばぐゞちぢ十人十色"]
        {
            let mnemonic = Mnemonic::generate(WordCount::default(), language, cases.rng());
            let words = mnemonic.expose();
            let seed = python.ask("seed", json!({"mnemonic": *words, "passphrase": passphrase}));
            let theirs = hd_wallet.ask("walletKey", json!({"seed": seed["seed"], "path": path(3).unwrap()}));
            let ours = Wallet::new(&mnemonic, passphrase).unwrap().key(Curve::Secp256k1, 3).unwrap();
            assert_eq!(text(&theirs, "publicKey"), ours.recipient().to_hex(), "{language:?} {passphrase}");
        }
    }
}

#[test]
fn hd_wallet_agrees_on_words() {
    let (mut cases, mut hd_wallet) = (Cases::new("wallet/words"), Peer::node("hdwallet"));
    for count in WordCount::ALL {
        let theirs = hd_wallet.ask("newMnemonic", json!({"words": count.words()}));
        let parsed = Mnemonic::parse(text(&theirs, "mnemonic")).unwrap();
        assert_eq!((parsed.word_count(), parsed.language()), (count.words(), Language::English));

        let ours = Mnemonic::generate(count, Language::English, cases.rng()).expose();
        assert_eq!(hd_wallet.ask("checkMnemonic", json!({"mnemonic": *ours}))["valid"], true);
        // The checksum is among the bits of the last word.
        let (words, _) = ours.rsplit_once(' ').unwrap();
        let valid = ["abandon", "ability", "able", "about", "above", "absent"].map(|last| {
            let words = format!("{words} {last}");
            let theirs = hd_wallet.ask("checkMnemonic", json!({"mnemonic": words}))["valid"].take();
            assert_eq!(theirs, Mnemonic::parse(&words).is_ok(), "{words}");
            theirs == true
        });
        assert!(valid.contains(&false));
    }
}

#[test]
fn a_wallet_finds_and_opens_what_hd_wallet_wrapped_for_it() {
    let (mut cases, mut hd_wallet) = (Cases::new("wallet/find"), Peer::node("hdwallet"));
    let mnemonic = Mnemonic::generate(WordCount::default(), Language::English, cases.rng());
    let wallet = Wallet::new(&mnemonic, "").unwrap();
    for curve in [Curve::P256, Curve::P384, Curve::Secp256k1, Curve::X25519] {
        let (dek, plugin_id) = (cases.dek(), cases.plugin_id());
        let index = u32::try_from(cases.below(20)).unwrap();
        let recipient = wallet.key(curve, index).unwrap().recipient();
        let request = json!({
            "curve": curve, "recipient": recipient.to_hex(), "pluginId": plugin_id, "dek": hex::encode(dek.expose()),
        });
        let envelope = hd_wallet.ask("wrap", request)["envelope"].take();
        let envelope: Envelope = serde_json::from_value(envelope).unwrap();
        assert_eq!(wallet.find(&envelope, GAP), Some(index));
        let key = wallet.key(curve, index).unwrap();
        assert_eq!(ecdh::unwrap(&envelope, &key, &plugin_id).unwrap(), dek);
    }
}

#[test]
fn age_opens_a_keystore_and_makes_one() {
    agree_on_keystores(Peer::python("terminal"), "ageEncrypt", "ageDecrypt");
}

#[test]
fn rage_opens_a_keystore_and_makes_one() {
    agree_on_keystores(Peer::python("rage"), "encryptWithPassphrase", "decryptWithPassphrase");
}

#[test]
fn age_encryption_opens_a_keystore_and_makes_one() {
    agree_on_keystores(Peer::node("age"), "encryptWithPassphrase", "decryptWithPassphrase");
}

fn agree_on_keystores(mut peer: Peer, encrypt: &str, decrypt: &str) {
    let mut cases = Cases::new("keystore");
    let mnemonic = Mnemonic::generate(WordCount::default(), Language::English, cases.rng());
    let passphrase = hex::encode(cases.array::<8>());
    let wallet = Wallet::new(&mnemonic, "").unwrap();
    let keystore = Keystore::new(mnemonic.clone(), "").unwrap();

    let ours = keystore::seal(&keystore, &passphrase, WorkFactor::MIN).unwrap();
    let request = json!({"passphrase": passphrase, "file": hex::encode(&ours)});
    let plain = bytes(&peer.ask(decrypt, request), "plain");
    let wrong = json!({"passphrase": format!("{passphrase}x"), "file": hex::encode(&ours)});
    assert!(peer.try_ask(decrypt, wrong).is_err());
    let content: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(text(&content, "mnemonic"), *mnemonic.expose());

    let request = json!({"passphrase": passphrase, "plain": hex::encode(&plain)});
    let theirs = peer.ask_bytes(encrypt, "file", request);
    let opened = keystore::open(&theirs, &passphrase, WorkFactor::MAX).unwrap();
    assert_eq!(opened.mnemonic().expose(), mnemonic.expose());
    let key = |wallet: &Wallet| wallet.key(Curve::X25519, 7).unwrap().recipient();
    assert_eq!(key(&opened.wallet("").unwrap()), key(&wallet));
}
