use super::*;
use crate::SigningKey;

const ORIGIN: &str = "https://store.example";

fn rng() -> impl CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn root(seed: u8) -> VerifyingKey {
    SigningKey::from_bytes(&[seed; 32]).verifying_key()
}

fn printer() -> PrinterSecret {
    PrinterSecret::from_bytes([7; 32])
}

fn sealed() -> SealedMessage {
    let grant = Grant {
        origin: ORIGIN.into(),
        session: "ses_1".into(),
        store_root_key: root(1),
        printer_id: "prn_1".into(),
        token: SecretText::new("token".into()),
        expires_at: u64::MAX,
    };
    grant.seal(&printer().public(), &mut rng()).unwrap()
}

#[test]
fn a_grant_comes_back() {
    let grant = Grant::open(&sealed(), &printer(), ORIGIN, "ses_1").unwrap();
    assert_eq!(grant.store_root_key, root(1));
    assert_eq!((grant.printer_id.as_str(), grant.token.expose()), ("prn_1", "token"));
    assert_eq!(grant.expires_at, u64::MAX);
}

#[test]
fn lmnt_clients_read_the_end_of_the_token_as_text() {
    #[derive(serde::Deserialize)]
    struct Seen {
        token: String,
        expires_at: String,
    }
    let grant = Grant::open(&sealed(), &printer(), ORIGIN, "ses_1").unwrap();
    let sealed = grant.seal_for_lmnt("2026-12-21T15:20:49Z", &printer().public(), &mut rng()).unwrap();
    let seen: Seen = sealed.open_json(&printer()).unwrap();
    assert_eq!((seen.token.as_str(), seen.expires_at.as_str()), ("token", "2026-12-21T15:20:49Z"));
    // Not for an agent of ours: it reads seconds only.
    assert_eq!(Grant::open(&sealed, &printer(), ORIGIN, "ses_1").unwrap_err(), SealedError::Malformed);
}

#[test]
fn a_grant_of_another_store_session_or_key_is_refused() {
    let open = |secret, origin, session| Grant::open(&sealed(), &secret, origin, session).unwrap_err();
    assert_eq!(open(printer(), "https://evil.example", "ses_1"), SealedError::Origin);
    assert_eq!(open(printer(), ORIGIN, "ses_2"), SealedError::Session);
    let other = PrinterSecret::from_bytes([8; 32]);
    assert!(matches!(open(other, ORIGIN, "ses_1"), SealedError::Box(_)));
}

#[test]
fn the_short_code_has_six_digits_and_hangs_on_both_keys_and_the_session() {
    let public = printer().public();
    let code = short_code(&public, &root(1), "ses_1");
    assert_eq!(code.len(), 7);
    assert!(code.bytes().enumerate().all(|(at, b)| if at == 3 { b == b'-' } else { b.is_ascii_digit() }));
    assert_eq!(code, short_code(&public, &root(1), "ses_1"));

    let other = PrinterSecret::from_bytes([8; 32]).public();
    for changed in [
        short_code(&other, &root(1), "ses_1"),
        short_code(&public, &root(2), "ses_1"),
        short_code(&public, &root(1), "ses_2"),
    ] {
        assert_ne!(code, changed);
    }
}
