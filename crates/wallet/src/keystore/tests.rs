use age::x25519;

use super::*;
use crate::Language;

const PASSPHRASE: &str = "four random words here";
const FAST: WorkFactor = WorkFactor::MIN;

fn keystore(bip39_passphrase: &str) -> Keystore {
    let words = Mnemonic::parse(&format!("{} about", ["abandon"; 11].join(" "))).unwrap();
    Keystore::new(words, bip39_passphrase).unwrap()
}

fn sealed() -> Vec<u8> {
    seal(&keystore(""), PASSPHRASE, FAST).unwrap()
}

fn without_armor(file: &[u8]) -> Vec<u8> {
    let mut binary = Vec::new();
    ArmoredReader::new(file).read_to_end(&mut binary).unwrap();
    binary
}

/// A binary file under a passphrase with whatever in it.
fn age_file(plain: &[u8], recipient: &impl age::Recipient) -> Vec<u8> {
    age::encrypt(recipient, plain).unwrap()
}

fn by_passphrase(log2: u8) -> scrypt::Recipient {
    let mut recipient = scrypt::Recipient::new(SecretString::from(PASSPHRASE));
    recipient.set_work_factor(log2);
    recipient
}

#[test]
fn words_come_back_in_every_language() {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    for language in Language::ALL {
        let words = Mnemonic::generate(crate::WordCount::Words24, language, &mut rng);
        let file = seal(&Keystore::new(words.clone(), "").unwrap(), PASSPHRASE, FAST).unwrap();
        let opened = open(&file, PASSPHRASE, FAST).unwrap();
        assert_eq!(opened.mnemonic().expose(), words.expose());
        assert_eq!(opened.mnemonic().language(), language);
        assert!(!opened.has_passphrase());
    }
}

#[test]
fn the_file_is_armored_text_and_shows_no_word() {
    let text = String::from_utf8(sealed()).unwrap();
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
    assert!(text.ends_with("-----END AGE ENCRYPTED FILE-----\n"));
    assert!(!text.contains("abandon"));
}

#[test]
fn a_binary_file_opens_as_well() {
    let binary = without_armor(&sealed());
    assert!(binary.starts_with(b"age-encryption.org/v1\n"));
    open(&binary, PASSPHRASE, FAST).unwrap();
}

#[test]
fn another_passphrase_does_not_open() {
    for wrong in ["", "four random words her", "four random words here ", "Four random words here"] {
        assert_eq!(open(&sealed(), wrong, FAST).unwrap_err(), KeystoreError::Passphrase);
    }
}

#[test]
fn a_short_passphrase_is_refused_when_sealing() {
    for short in ["", "ninechars", "ééééééééé"] {
        assert_eq!(seal(&keystore(""), short, FAST).unwrap_err(), KeystoreError::ShortPassphrase);
    }
    seal(&keystore(""), "tencharact", FAST).unwrap();
}

#[test]
fn another_bip_39_passphrase_is_noticed() {
    let file = seal(&keystore("more"), PASSPHRASE, FAST).unwrap();
    let opened = open(&file, PASSPHRASE, FAST).unwrap();
    assert!(opened.has_passphrase());
    opened.wallet("more").unwrap();
    for wrong in ["", "More"] {
        assert_eq!(opened.wallet(wrong).unwrap_err(), KeystoreError::Bip39Passphrase);
    }
    let plain = open(&sealed(), PASSPHRASE, FAST).unwrap();
    assert_eq!(plain.wallet("more").unwrap_err(), KeystoreError::Bip39Passphrase);
}

#[test]
fn too_much_work_is_refused_before_it_is_done() {
    let plain = b"{}";
    let costly = age_file(plain, &by_passphrase(12));
    let refused = open(&costly, PASSPHRASE, WorkFactor::new(11).unwrap()).unwrap_err();
    assert_eq!(refused, KeystoreError::TooMuchWork { required: 12, most: 11 });

    let text = String::from_utf8_lossy(&costly).replacen(" 12\n", " 63\n", 1);
    assert!(text.contains(" 63\n"));
    let endless = [text.as_bytes()[..120].to_vec(), costly[120..].to_vec()].concat();
    let refused = open(&endless, PASSPHRASE, WorkFactor::MAX).unwrap_err();
    assert_eq!(refused, KeystoreError::TooMuchWork { required: 63, most: 20 });
}

#[test]
fn every_changed_or_missing_byte_is_noticed() {
    let mut file = without_armor(&sealed());
    for at in (0..file.len()).step_by(11) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        let error = open(&changed, PASSPHRASE, FAST).unwrap_err();
        let said = matches!(
            error,
            KeystoreError::Damaged
                | KeystoreError::Format
                | KeystoreError::Passphrase
                | KeystoreError::TooMuchWork { .. }
        );
        assert!(said, "byte {at}: {error:?}");
        open(&file[..at], PASSPHRASE, FAST).unwrap_err();
    }
    file.push(0);
    assert_eq!(open(&file, PASSPHRASE, FAST).unwrap_err(), KeystoreError::Damaged);
}

#[test]
fn other_files_are_told_from_keystores() {
    let identity = x25519::Identity::generate();
    let other_recipient = age_file(b"x", &identity.to_public());
    for file in [&b""[..], b"abandon about", &other_recipient, &vec![0; FILE_LIMIT + 1]] {
        assert_eq!(open(file, PASSPHRASE, FAST).unwrap_err(), KeystoreError::Format);
    }
    for plain in [&b""[..], b"abandon about", b"{}", br#"{"version":1}"#, br#"{"version":1,"language":"x"}"#]
    {
        let file = age_file(plain, &by_passphrase(10));
        assert_eq!(open(&file, PASSPHRASE, FAST).unwrap_err(), KeystoreError::Content);
    }
    let later = age_file(br#"{"version":2,"anything":[]}"#, &by_passphrase(10));
    assert_eq!(open(&later, PASSPHRASE, FAST).unwrap_err(), KeystoreError::Version { found: 2 });
}

#[test]
fn work_factors_out_of_range_are_refused() {
    assert_eq!("18".parse(), Ok(WorkFactor::DEFAULT));
    for text in ["9", "21", "-1", "", "256", "x"] {
        assert_eq!(text.parse::<WorkFactor>(), Err(OutOfRange), "{text}");
    }
    assert_eq!(OutOfRange.to_string(), "the work factor is a number from 10 to 20");
}

#[test]
fn debug_shows_no_word() {
    assert!(!format!("{:?}", keystore("more")).contains("abandon"));
}
