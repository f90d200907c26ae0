use k256::ecdsa::SigningKey;

use super::*;
use crate::site::Site;

const NOW: i64 = 1_800_000_000_000;
const STATEMENT: &str = "Sign in.";

fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

fn address() -> String {
    let point = key().verifying_key().to_sec1_point(false);
    checksummed(&hex::encode(&Keccak256::digest(&point.as_bytes()[1..])[12..]))
}

fn text() -> String {
    let address = address();
    format!(
        "store.example wants you to sign in with your Ethereum account:\n{address}\n\n{STATEMENT}\n\n\
         URI: https://store.example/shop/\nVersion: 1\nChain ID: 1\nNonce: abcdefgh12345678\n\
         Issued At: 2027-01-15T08:00:00Z\nExpiration Time: 2027-01-15T08:05:00Z"
    )
}

fn sign(text: &str) -> String {
    let hash = Keccak256::new()
        .chain_update(format!("\x19Ethereum Signed Message:\n{}", text.len()))
        .chain_update(text)
        .finalize();
    let (signature, id) = key().sign_prehash_recoverable(&hash);
    format!("0x{}{:02x}", hex::encode(signature.to_bytes()), 27 + id.to_byte())
}

fn check(text: &str) -> Result<(), SiweError> {
    Message::read(text)?.check(&Site::of("https://store.example"), 1, STATEMENT, NOW)
}

#[test]
fn checksums_are_those_of_eip_55() {
    for known in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ] {
        assert!(is_checksummed(known), "{known}");
        assert!(!is_checksummed(&known.to_lowercase()), "{known}");
    }
}

#[test]
fn a_message_of_this_site_chain_and_time_counts() {
    assert_eq!(check(&text()), Ok(()));
    let message = Message::read(&text()).unwrap();
    assert_eq!((message.chain_id, message.nonce.as_str()), (1, "abcdefgh12345678"));
    let with_scheme = format!("https://{}", text());
    assert_eq!(check(&with_scheme), Ok(()));
}

#[test]
fn a_message_of_another_site_chain_purpose_or_time_does_not() {
    let changed = |from: &str, to: &str| check(&text().replacen(from, to, 1));
    assert_eq!(changed("store.example wants", "evil.example wants"), Err(SiweError::Domain));
    assert_eq!(changed("https://store.example/shop/", "https://evil.example/"), Err(SiweError::Domain));
    assert_eq!(changed("https://store.example/", "https://store.example.evil/"), Err(SiweError::Domain));
    assert_eq!(changed("store.example wants", "http://store.example wants"), Err(SiweError::Domain));
    assert_eq!(changed("Chain ID: 1", "Chain ID: 137"), Err(SiweError::Chain));
    assert_eq!(changed("Sign in.", "Give all away."), Err(SiweError::Statement));
    assert_eq!(changed("T08:05:00Z", "T08:00:00Z"), Err(SiweError::Time), "over");
    assert_eq!(changed("At: 2027-01-15T08:00:00Z", "At: 2027-01-15T07:49:00Z"), Err(SiweError::Time), "old");
    assert_eq!(
        changed("At: 2027-01-15T08:00:00Z", "At: 2027-01-15T08:02:00Z"),
        Err(SiweError::Time),
        "ahead"
    );
    let later = format!("{}\nNot Before: 2027-01-15T08:01:00Z", text());
    assert_eq!(check(&later), Err(SiweError::Time));
}

#[test]
fn whatever_is_not_as_the_standard_says_is_not_read() {
    for (from, to) in [
        ("wants you", "want you"),
        ("Version: 1", "Version: 2"),
        ("Chain ID: 1", "Chain ID: 01"),
        ("Chain ID: 1", "Chain ID: -1"),
        ("Nonce: abcdefgh12345678", "Nonce: short"),
        ("Nonce: abcdefgh12345678", "Nonce: abcdefgh 1234567"),
        ("Issued At: 2027-01-15T08:00:00Z", "Issued At: now"),
        ("URI: ", "Uri: "),
        ("\n\nURI", "\nURI"),
        ("\nNonce", "\nNonce: abcdefgh87654321\nNonce"),
        ("store.example wants", "store.example/evil wants"),
        ("store.example wants", " wants"),
        ("\n", "\r\n"),
    ] {
        let read = Message::read(&text().replacen(from, to, 1));
        assert!(matches!(read, Err(SiweError::Malformed(_))), "{from} -> {to}: {read:?}");
    }
    for behind in ["\n", "\nResources:\n- https://evil.example", "\nIssued At: 2027-01-15T08:00:00Z"] {
        assert!(Message::read(&(text() + behind)).is_err(), "{behind}");
    }
    let lower = text().replace(&address(), &address().to_lowercase());
    assert!(Message::read(&lower).is_err(), "an address without a checksum");
    let none = text().replace("Sign in.\n", "");
    assert_eq!(Message::read(&none).unwrap().statement, None);
}

#[test]
fn only_the_wallets_own_signature_counts() {
    let (text, address) = (text(), address());
    let good = sign(&text);
    assert_eq!(check_signature(&text, &good, &address), Ok(()));
    assert_eq!(
        check_signature(&text.replace("Chain ID: 1", "Chain ID: 2"), &good, &address),
        Err(SiweError::Signature)
    );
    let other = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    assert_eq!(check_signature(&text, &good, other), Err(SiweError::Signature));
    let flipped = format!("{}{}", &good[..130], if good.ends_with("1b") { "1c" } else { "1b" });
    for bad in [&good[2..], &good[..130], "0x", "", &flipped, &good.replace("0x", "0X")] {
        assert_eq!(check_signature(&text, bad, &address), Err(SiweError::Signature), "{bad}");
    }
}

#[test]
fn the_other_half_of_signatures_is_refused() {
    let (text, address) = (text(), address());
    let good = hex::decode(&sign(&text)[2..]).unwrap();
    let signature = Signature::from_slice(&good[..64]).unwrap();
    let (r, s) = signature.split_scalars();
    let high = Signature::from_scalars(r, -*s).unwrap();
    let parity = if good[64] == 27 { 28 } else { 27 };
    let bad = format!("0x{}{parity:02x}", hex::encode(high.to_bytes()));
    assert_eq!(check_signature(&text, &bad, &address), Err(SiweError::Signature));
}
