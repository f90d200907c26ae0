use super::*;

const ORIGIN: &str = "https://store.example";
const PRINTER: &str = "prn_1";

fn rng() -> impl CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn printer() -> PrinterSecret {
    PrinterSecret::from_bytes([7; 32])
}

#[test]
fn the_printer_that_holds_the_key_gets_its_token() {
    let asked = Challenge::new(ORIGIN, PRINTER, &mut rng());
    let sealed = asked.seal(&printer().public(), &mut rng()).unwrap();

    let opened = Challenge::open(&sealed, &printer(), ORIGIN, PRINTER).unwrap();
    asked.check_answer(&opened.answer().unwrap()).unwrap();

    let grant = TokenGrant { token: SecretText::new("token".into()), expires_at: 5 };
    let sealed = grant.seal(&asked, &printer().public(), &mut rng()).unwrap();
    let granted = TokenGrant::open(&sealed, &printer(), &opened).unwrap();
    assert_eq!((granted.token.expose(), granted.expires_at), ("token", 5));
}

#[test]
fn a_wrong_answer_is_refused() {
    let asked = Challenge::new(ORIGIN, PRINTER, &mut rng());
    let nonce = hex::encode(asked.expose_nonce());
    let upper = asked.answer().unwrap().to_uppercase();
    let of_another = Challenge::new(ORIGIN, PRINTER, &mut rng()).answer().unwrap();
    let for_another = Challenge::from_parts(ORIGIN, "prn_2", *asked.expose_nonce()).answer().unwrap();
    for answer in ["", "00", &nonce, &upper, &of_another, &for_another] {
        assert_eq!(asked.check_answer(answer), Err(SealedError::WrongAnswer), "{answer}");
    }
}

#[test]
fn a_challenge_of_another_store_or_for_another_printer_is_not_answered() {
    let sealed = Challenge::new(ORIGIN, PRINTER, &mut rng()).seal(&printer().public(), &mut rng()).unwrap();
    let open = |origin, id| Challenge::open(&sealed, &printer(), origin, id).unwrap_err();
    assert_eq!(open("https://evil.example", PRINTER), SealedError::Origin);
    assert_eq!(open(ORIGIN, "prn_2"), SealedError::Printer);
}

#[test]
fn a_token_of_another_challenge_is_refused() {
    let [first, second] = [(); 2].map(|()| Challenge::new(ORIGIN, PRINTER, &mut rng()));
    let grant = TokenGrant { token: SecretText::new("token".into()), expires_at: 5 };
    let sealed = grant.seal(&first, &printer().public(), &mut rng()).unwrap();
    assert_eq!(TokenGrant::open(&sealed, &printer(), &second).unwrap_err(), SealedError::Session);
}

#[test]
fn messages_are_not_taken_for_one_another() {
    let challenge = Challenge::new(ORIGIN, PRINTER, &mut rng());
    let grant = TokenGrant { token: SecretText::new("token".into()), expires_at: 5 };
    let sealed = grant.seal(&challenge, &printer().public(), &mut rng()).unwrap();
    let refused = Challenge::open(&sealed, &printer(), ORIGIN, PRINTER).unwrap_err();
    assert_eq!(refused, SealedError::Purpose);
}
