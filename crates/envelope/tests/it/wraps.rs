//! What holds for every wrapped key and sealed message.

use crate::common::rng;
use proptest::{prelude::*, sample::Index};
use sealpost_envelope::{
    Dek, ErrorCode, NaclBoxError, PrinterPublic, PrinterSecret, SealedMessage, ecdh, nacl_box, x25519,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_package_opens_only_with_its_own_key(dek in any::<[u8; 32]>()) {
        let dek = Dek::from_bytes(dek);
        let secret = PrinterSecret::generate(&mut rng());
        let package = nacl_box::wrap(&dek, &secret.public(), &mut rng()).unwrap();
        prop_assert_eq!(package.len(), 142);
        prop_assert_eq!(nacl_box::unwrap(&package, &secret).unwrap(), dek);

        let other = PrinterSecret::generate(&mut rng());
        prop_assert_eq!(nacl_box::unwrap(&package, &other), Err(NaclBoxError::Open));
    }

    #[test]
    fn a_changed_character_of_a_package_is_refused(at in any::<Index>(), bit in 0u8..7) {
        let secret = PrinterSecret::generate(&mut rng());
        let package = nacl_box::wrap(&Dek::generate(&mut rng()), &secret.public(), &mut rng()).unwrap();
        let mut changed = package.into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        prop_assert!(nacl_box::unwrap(&String::from_utf8(changed).unwrap(), &secret).is_err());
    }

    #[test]
    fn nonsense_is_no_package(text in "[A-Za-z0-9+/=:]{0,200}") {
        let secret = PrinterSecret::from_bytes([7; 32]);
        prop_assert!(nacl_box::unwrap(&text, &secret).is_err());
    }

    #[test]
    fn a_sealed_message_comes_back_and_a_changed_one_does_not(
        plain in proptest::collection::vec(any::<u8>(), 0..500),
        at in any::<Index>(),
    ) {
        let secret = PrinterSecret::generate(&mut rng());
        let sealed = SealedMessage::seal(&plain, &secret.public(), &mut rng()).unwrap();
        prop_assert_eq!(&sealed.open(&secret).unwrap()[..], &plain[..]);

        let mut changed = sealed;
        let mut bytes = changed.ciphertext.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        changed.ciphertext = String::from_utf8(bytes).unwrap();
        prop_assert!(changed.open(&secret).is_err());
    }

    #[test]
    fn an_envelope_opens_only_with_its_key_and_plugin(plugin in "[a-z0-9.:]{1,40}", at in 0usize..60, bit in 0u8..8) {
        let dek = Dek::generate(&mut rng());
        let secret = x25519::Secret::generate(&mut rng());
        let recipient = ecdh::Recipient::new(ecdh::Curve::X25519, &secret.public()).unwrap();
        let mut envelope = ecdh::wrap(&dek, &recipient, &plugin, &mut rng()).unwrap();
        prop_assert_eq!(ecdh::unwrap(&envelope, &secret, &plugin).unwrap(), dek);

        let other = x25519::Secret::generate(&mut rng());
        prop_assert_eq!(ecdh::unwrap(&envelope, &other, &plugin).unwrap_err().code(), "envelope_not_for_us");
        prop_assert!(ecdh::unwrap(&envelope, &secret, &(plugin.clone() + "x")).is_err());
        envelope.wrapped_dek[at] ^= 1 << bit;
        prop_assert!(ecdh::unwrap(&envelope, &secret, &plugin).is_err());
    }
}

#[test]
fn a_sender_of_low_order_is_refused() {
    let secret = PrinterSecret::from_bytes([7; 32]);
    let package = nacl_box::wrap(&Dek::from_bytes([1; 32]), &secret.public(), &mut rng()).unwrap();
    let (_, rest) = package.split_once(':').unwrap();
    let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(nacl_box::unwrap(&format!("{zero}:{rest}"), &secret), Err(NaclBoxError::PublicKey));
    assert_eq!(zero.parse::<PrinterPublic>(), Err(NaclBoxError::PublicKey));

    let refused = ecdh::Recipient::new(ecdh::Curve::X25519, &[0; 32]).unwrap_err();
    assert_eq!(refused.code(), "envelope_public_key");
}

#[test]
fn a_package_with_more_or_fewer_parts_is_refused() {
    let secret = PrinterSecret::from_bytes([7; 32]);
    let package = nacl_box::wrap(&Dek::from_bytes([1; 32]), &secret.public(), &mut rng()).unwrap();
    let (fewer, _) = package.rsplit_once(':').unwrap();
    for changed in [fewer, &format!("{package}:"), &format!(" {package}"), &format!("{package}\n"), ""] {
        assert_eq!(nacl_box::unwrap(changed, &secret), Err(NaclBoxError::Format), "{changed:?}");
    }
}
