//! What a store seals to a printer: challenges, token grants and pairing grants, with any JSON inside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{
    PrinterSecret, SealedMessage,
    challenge::{Challenge, TokenGrant},
    pairing::Grant,
};
use sealpost_fuzz::{Counting, stranger};

const ORIGIN: &str = "https://store.example";
const PRINTER: &str = "prn_7";
const SESSION: &str = "ses_9";

fuzz_target!(|data: &[u8]| {
    let secret = PrinterSecret::from_bytes([7; 32]);
    let public = secret.public();
    let rng = &mut Counting::default();
    if let Ok(message) = serde_json::from_slice::<SealedMessage>(data) {
        let nobody = PrinterSecret::from_bytes(stranger(data));
        assert!(message.open(&nobody).is_err(), "opened for a stranger");
        let written = serde_json::to_vec(&message).unwrap();
        assert_eq!(serde_json::from_slice::<SealedMessage>(&written).unwrap(), message);
    }

    let message = SealedMessage::seal(data, &public, rng).unwrap();
    if let Ok(challenge) = Challenge::open(&message, &secret, ORIGIN, PRINTER) {
        assert!(challenge.check_answer(&challenge.answer().unwrap()).is_ok());
        let again =
            Challenge::open(&challenge.seal(&public, rng).unwrap(), &secret, ORIGIN, PRINTER).unwrap();
        assert_eq!(again.expose_nonce(), challenge.expose_nonce());
    }
    let asked = Challenge::from_parts(ORIGIN, PRINTER, [9; 32]);
    if let Ok(grant) = TokenGrant::open(&message, &secret, &asked) {
        let again = TokenGrant::open(&grant.seal(&asked, &public, rng).unwrap(), &secret, &asked).unwrap();
        assert_eq!((again.token.expose(), again.expires_at), (grant.token.expose(), grant.expires_at));
    }
    if let Ok(grant) = Grant::open(&message, &secret, ORIGIN, SESSION) {
        assert!(!grant.store_root_key.is_weak());
        assert_eq!((grant.origin.as_str(), grant.session.as_str()), (ORIGIN, SESSION));
        let again = Grant::open(&grant.seal(&public, rng).unwrap(), &secret, ORIGIN, SESSION).unwrap();
        assert_eq!(again.store_root_key, grant.store_root_key);
        assert_eq!((again.printer_id, again.expires_at), (grant.printer_id, grant.expires_at));
        assert_eq!(again.token.expose(), grant.token.expose());
    }
});
