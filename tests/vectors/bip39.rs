//! BIP-39: the vectors of its authors, and every language and length as two other programs have them. What a wallet
//! keeps to itself, the seed, shows in the keys that BIP-32 makes of it.

use bip32::{ChildNumber, XPrv};
use sealpost_envelope::ecdh::Curve;
use sealpost_wallet::{Language, Mnemonic, MnemonicError, Wallet, WordCount};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use crate::common::Repeat;

#[derive(Deserialize)]
struct Case {
    language: Option<String>,
    entropy: String,
    mnemonic: String,
    passphrase: String,
    seed: String,
}

#[test]
fn the_english_words_of_trezor_are_drawn_read_and_lead_to_their_keys() {
    assert_eq!(all(include_str!("bip39/english.json"), Language::English), 24);
}

#[test]
fn japanese_words_with_a_passphrase_of_every_unicode_form_lead_to_their_keys() {
    assert_eq!(all(include_str!("bip39/japanese.json"), Language::Japanese), 24);
}

#[test]
fn words_of_every_language_and_length_lead_to_their_keys() {
    assert_eq!(all(include_str!("bip39/languages.json"), Language::English), 50);
}

#[test]
fn every_published_phrase_with_a_word_too_few_or_two_changed_over_is_refused() {
    for case in cases(include_str!("bip39/english.json")) {
        let words: Vec<&str> = case.mnemonic.split(' ').collect();
        let fewer = Mnemonic::parse(&words[1..].join(" ")).unwrap_err();
        assert_eq!(fewer, MnemonicError::Count { found: words.len() - 1 });

        let mut swapped = words.clone();
        swapped.swap(0, words.len() - 1);
        if let Ok(other) = Mnemonic::parse(&swapped.join(" ")) {
            // One order in 16 to 256 adds up by chance: then it is another wallet.
            assert_ne!(key(&other, ""), key(&Mnemonic::parse(&case.mnemonic).unwrap(), ""));
        }
    }
}

fn all(json: &str, language: Language) -> usize {
    let cases = cases(json);
    for case in &cases {
        let language = case.language.as_deref().map_or(language, |name| name.parse().unwrap());
        let entropy = hex::decode(&case.entropy).unwrap();
        let count = WordCount::try_from(entropy.len() / 4 * 3).unwrap();

        let drawn = Mnemonic::generate(count, language, &mut Repeat(entropy));
        assert_eq!(nfkd(&drawn.expose()), nfkd(&case.mnemonic));
        let read = Mnemonic::parse_in(language, &case.mnemonic).unwrap();
        assert_eq!(*read.expose(), *drawn.expose());
        let guessed = Mnemonic::parse(&case.mnemonic).unwrap();

        let expected = key_of_seed(&hex::decode(&case.seed).unwrap());
        for mnemonic in [drawn, read, guessed] {
            assert_eq!(key(&mnemonic, &case.passphrase), expected, "{}", case.mnemonic);
        }
    }
    cases.len()
}

fn cases(json: &str) -> Vec<Case> {
    serde_json::from_str(json).unwrap()
}

fn nfkd(text: &str) -> String {
    text.nfkd().map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
}

fn key(mnemonic: &Mnemonic, passphrase: &str) -> Vec<u8> {
    Wallet::new(mnemonic, passphrase).unwrap().key(Curve::Secp256k1, 0).unwrap().expose().to_vec()
}

fn key_of_seed(seed: &[u8]) -> Vec<u8> {
    let hardened = ChildNumber::HARDENED_FLAG;
    let path = [44 | hardened, 9999 | hardened, hardened, 0, 0];
    let master = XPrv::new(seed).unwrap();
    let key = path.into_iter().fold(master, |key, number| key.derive_child(ChildNumber(number)).unwrap());
    key.to_bytes().to_vec()
}
