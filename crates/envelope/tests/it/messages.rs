//! What holds for every message that is sealed to a printer.

use proptest::{collection::vec, prelude::*, sample::Index};
use sealpost_envelope::{
    PrinterSecret, SealedMessage, SecretText, SigningKey,
    challenge::{Challenge, TokenGrant},
    pairing::Grant,
};

use crate::common::rng;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_message_comes_back(texts in proptest::array::uniform4("\\PC{0,30}"), nonce: [u8; 32], expires_at: u64) {
        let [origin, printer, session, token] = texts;
        let secret = PrinterSecret::generate(&mut rng());
        let asked = Challenge::from_parts(&origin, &printer, nonce);
        let sealed = asked.seal(&secret.public(), &mut rng()).unwrap();
        let opened = Challenge::open(&sealed, &secret, &origin, &printer).unwrap();
        prop_assert_eq!(opened.expose_nonce(), &nonce);
        prop_assert_eq!(asked.check_answer(&opened.answer().unwrap()), Ok(()));

        let token = SecretText::new(token);
        let grant = TokenGrant { token: token.clone(), expires_at };
        let opened = TokenGrant::open(&grant.seal(&asked, &secret.public(), &mut rng()).unwrap(), &secret, &asked).unwrap();
        prop_assert_eq!((opened.token.expose(), opened.expires_at), (token.expose(), expires_at));

        let store_root_key = SigningKey::from_bytes(&nonce).verifying_key();
        let grant = Grant { origin, session, store_root_key, printer_id: printer, token, expires_at };
        let sealed = grant.seal(&secret.public(), &mut rng()).unwrap();
        let opened = Grant::open(&sealed, &secret, &grant.origin, &grant.session).unwrap();
        prop_assert_eq!(opened.store_root_key, grant.store_root_key);
        prop_assert_eq!((opened.printer_id, opened.expires_at), (grant.printer_id, grant.expires_at));
        prop_assert_eq!(opened.token.expose(), grant.token.expose());
    }

    #[test]
    fn a_message_with_a_changed_character_is_refused(at in any::<Index>(), change in 1..=127u8) {
        let secret = PrinterSecret::generate(&mut rng());
        let asked = Challenge::new("https://store.example", "prn_1", &mut rng());
        let sealed = asked.seal(&secret.public(), &mut rng()).unwrap();
        let (ciphertext, nonce) = (sealed.ciphertext.len(), sealed.nonce.len());
        let mut bytes = [sealed.ciphertext, sealed.nonce, sealed.sender_pubkey].concat().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let text = String::from_utf8(bytes).unwrap();
        let (ciphertext, rest) = text.split_at(ciphertext);
        let (nonce, sender_pubkey) = rest.split_at(nonce);
        let changed = SealedMessage {
            ciphertext: ciphertext.into(), nonce: nonce.into(), sender_pubkey: sender_pubkey.into(),
        };
        prop_assert!(Challenge::open(&changed, &secret, "https://store.example", "prn_1").is_err());
    }

    #[test]
    fn a_changed_answer_is_refused(at in any::<Index>(), change in 1..=127u8) {
        let asked = Challenge::new("https://store.example", "prn_1", &mut rng());
        let mut answer = asked.answer().unwrap().into_bytes();
        let at = at.index(answer.len());
        answer[at] ^= change;
        prop_assert!(asked.check_answer(&String::from_utf8(answer).unwrap()).is_err());
    }

    /// The sealer of a box is anybody, so what is inside is anything.
    #[test]
    fn nonsense_in_a_good_box_is_refused(plain in vec(any::<u8>(), 0..300), texts in proptest::array::uniform3("\\PC{0,80}")) {
        let secret = PrinterSecret::from_bytes([7; 32]);
        let sealed = SealedMessage::seal(&plain, &secret.public(), &mut rng()).unwrap();
        let asked = Challenge::from_parts("o", "p", [1; 32]);
        prop_assert!(Challenge::open(&sealed, &secret, "o", "p").is_err());
        prop_assert!(TokenGrant::open(&sealed, &secret, &asked).is_err());
        prop_assert!(Grant::open(&sealed, &secret, "o", "s").is_err());

        let [ciphertext, nonce, sender_pubkey] = texts;
        let message = SealedMessage { ciphertext, nonce, sender_pubkey };
        prop_assert!(message.open(&secret).is_err());
    }
}
