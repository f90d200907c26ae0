//! What holds for `ecdh` envelopes on every curve and by every backend that was compiled in.

use proptest::{prelude::*, sample::Index};
use sealpost_envelope::{
    Dek, ErrorCode,
    ecdh::{self, Agreement, Backend, Curve, EcdhError, Envelope, Recipient, SecretKey},
};

use crate::common::{Repeat, bytes, rng, text, vectors};

/// By every backend, one after the other.
fn backends() -> impl Strategy<Value = Backend> {
    proptest::sample::select(Backend::ALL)
}

fn curves() -> impl Strategy<Value = Curve> {
    proptest::sample::select(&Curve::ALL[..])
}

fn wrapped(backend: Backend, curve: Curve, plugin: &str) -> (SecretKey, Dek, Envelope) {
    let secret = SecretKey::generate_by(backend, curve, &mut rng());
    let dek = Dek::generate(&mut rng());
    let envelope = ecdh::wrap(&dek, &secret.recipient(), plugin, &mut rng()).unwrap();
    (secret, dek, envelope)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_envelope_opens_with_its_key_and_plugin_alone(
        backend in backends(), curve in curves(), plugin in "\\PC{0,40}",
    ) {
        let (secret, dek, envelope) = wrapped(backend, curve, &plugin);
        prop_assert_eq!(ecdh::unwrap(&envelope, &secret, &plugin).unwrap(), dek.clone());
        let holder: &dyn Agreement = &secret;
        prop_assert_eq!(ecdh::unwrap(&envelope, holder, &plugin).unwrap(), dek);

        let other = SecretKey::generate_by(backend, curve, &mut rng());
        prop_assert_eq!(ecdh::unwrap(&envelope, &other, &plugin), Err(EcdhError::Open));
        prop_assert_eq!(ecdh::unwrap(&envelope, &secret, &(plugin + "x")), Err(EcdhError::Open));
    }

    #[test]
    fn an_envelope_has_the_shape_of_the_design(backend in backends(), curve in curves()) {
        let (secret, _, envelope) = wrapped(backend, curve, "p");
        let lengths = (envelope.ephemeral_pub.len(), secret.recipient().as_bytes().len(), secret.expose().len());
        prop_assert_eq!(lengths, match curve {
            Curve::P384 => (49, 49, 48),
            Curve::Secp256k1 | Curve::P256 => (33, 33, 32),
            _ => (32, 32, 32),
        });
        prop_assert_eq!(envelope.curve, curve);
        prop_assert_eq!(&envelope.salt[..], &secret.recipient().salt()[..]);
        prop_assert_eq!(&envelope.salt[..], &sealpost_envelope::digest::sha256(secret.recipient().as_bytes())[..]);
        let json = serde_json::to_string(&envelope).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Envelope>(&json).unwrap(), &envelope);
        prop_assert_eq!(&serde_json::from_str::<Envelope>(&upper_hex(&envelope)).unwrap(), &envelope);
    }

    #[test]
    fn any_changed_byte_is_refused(
        backend in backends(), curve in curves(), at in any::<Index>(), change in 1..=255u8,
    ) {
        let (secret, dek, mut envelope) = wrapped(backend, curve, "p");
        let (public, wrapped, salt) = (envelope.ephemeral_pub.len(), envelope.wrapped_dek.len(), envelope.salt.len());
        let at = at.index(public + wrapped + salt);
        if at < public {
            envelope.ephemeral_pub[at] ^= change;
        } else if at < public + wrapped {
            envelope.wrapped_dek[at - public] ^= change;
        } else {
            envelope.salt[at - public - wrapped] ^= change;
        }
        let opened = ecdh::unwrap(&envelope, &secret, "p");
        if at == 0 && public != 32 && change == 1 {
            prop_assert_eq!(opened.unwrap(), dek, "x has no parity");
        } else {
            prop_assert!(opened.is_err());
        }
    }

    #[test]
    fn an_envelope_is_no_other_curves(backend in backends(), curve in curves(), other in curves()) {
        prop_assume!(curve != other);
        let (secret, _, envelope) = wrapped(backend, curve, "p");
        let renamed = Envelope { curve: other, ..envelope.clone() };
        prop_assert_eq!(ecdh::unwrap(&renamed, &secret, "p"), Err(EcdhError::Curve { curve: other, held: curve }));
        let stranger = SecretKey::generate_by(backend, other, &mut rng());
        prop_assert!(ecdh::unwrap(&envelope, &stranger, "p").is_err());
        prop_assert!(ecdh::unwrap(&renamed, &stranger, "p").is_err());
    }

    #[test]
    fn an_ephemeral_point_is_read_uncompressed_too(backend in backends(), curve in sec1_curves()) {
        let (secret, dek, mut envelope) = wrapped(backend, curve, "p");
        envelope.ephemeral_pub = uncompressed(curve, &envelope.ephemeral_pub);
        prop_assert_eq!(ecdh::unwrap(&envelope, &secret, "p").unwrap(), dek);
        for tag in [0, 2, 3, 5, 6, 7] {
            envelope.ephemeral_pub[0] = tag;
            prop_assert_eq!(ecdh::unwrap(&envelope, &secret, "p"), Err(EcdhError::PublicKey), "{}", tag);
        }
    }

    #[test]
    fn a_recipient_is_the_same_however_it_was_written(backend in backends(), curve in sec1_curves()) {
        let recipient = SecretKey::generate_by(backend, curve, &mut rng()).recipient();
        let long = Recipient::new_by(backend, curve, &uncompressed(curve, recipient.as_bytes())).unwrap();
        prop_assert_eq!(&long, &recipient);
        prop_assert_eq!(long.as_bytes(), recipient.as_bytes());
        let upper = recipient.to_hex().to_uppercase();
        prop_assert_eq!(&Recipient::from_hex(curve, &upper).unwrap(), &recipient);
    }

    #[test]
    fn backends_write_the_same_bytes_and_refuse_the_same_keys(
        curve in curves(),
        secret in proptest::collection::vec(any::<u8>(), 48),
        drawn in proptest::collection::vec(any::<u8>(), 60),
        public in proptest::collection::vec(any::<u8>(), 97),
        tag in 0..8u8,
    ) {
        let secrets: Vec<_> =
            Backend::ALL.iter().map(|backend| SecretKey::from_bytes_by(*backend, curve, &secret[..curve.secret_len()])).collect();
        prop_assert!(secrets.iter().all(|other| *other == secrets[0]));
        let Some(Ok(secret)) = secrets.first() else { return Ok(()) };
        let dek = Dek::from_bytes([7; 32]);
        let envelopes: Vec<_> = Backend::ALL.iter().map(|backend| {
            let recipient = Recipient::new_by(*backend, curve, secret.recipient().as_bytes()).unwrap();
            ecdh::wrap(&dek, &recipient, "p", &mut Repeat(drawn.clone())).unwrap()
        }).collect();
        prop_assert!(envelopes.iter().all(|other| *other == envelopes[0]));
        for key in &secrets {
            prop_assert_eq!(ecdh::unwrap(&envelopes[0], key.as_ref().unwrap(), "p").unwrap(), dek.clone());
        }

        let mut public = public;
        public[0] = tag;
        for len in [32, 33, 49, 65, 97] {
            let public = &public[..len];
            let read: Vec<_> = Backend::ALL.iter().map(|backend| Recipient::new_by(*backend, curve, public)).collect();
            prop_assert!(read.iter().all(|other| *other == read[0]));
            let agreed: Vec<_> = secrets.iter().map(|key| key.as_ref().unwrap().agree(public)).collect();
            prop_assert!(agreed.iter().all(|other| *other == agreed[0]));
        }
    }

    #[test]
    fn nonsense_never_panics(
        backend in backends(),
        curve in curves(),
        public in proptest::collection::vec(any::<u8>(), 0..140),
        salt in proptest::collection::vec(any::<u8>(), 0..140),
        json in "\\PC{0,80}",
    ) {
        let secret = SecretKey::generate_by(backend, curve, &mut rng());
        let envelope = Envelope { ephemeral_pub: public.clone(), wrapped_dek: [0; 60], salt, curve };
        prop_assert!(ecdh::unwrap(&envelope, &secret, "p").is_err());
        let _any = (Recipient::new_by(backend, curve, &public), SecretKey::from_bytes_by(backend, curve, &public));
        prop_assert!(Recipient::from_hex(curve, &json).is_err());
        prop_assert!(serde_json::from_str::<Envelope>(&json).is_err());
    }
}

#[test]
fn private_keys_are_above_zero_and_below_the_order() {
    let orders = [
        (Curve::Secp256k1, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
        (Curve::P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        (
            Curve::P384,
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        ),
    ];
    for backend in Backend::ALL {
        for (curve, order) in orders {
            let order = hex::decode(order).unwrap();
            let beside = |change: i8| {
                let mut bytes = order.clone();
                *bytes.last_mut().unwrap() = bytes.last().unwrap().wrapping_add_signed(change);
                SecretKey::from_bytes_by(*backend, curve, &bytes)
            };
            let refused = Err(EcdhError::SecretKey { curve });
            assert_eq!(beside(0), refused, "{backend:?} {curve}: n");
            assert_eq!(beside(1), refused, "{backend:?} {curve}: n + 1");
            assert_eq!(SecretKey::from_bytes_by(*backend, curve, &vec![0xff; order.len()]), refused);
            assert_eq!(SecretKey::from_bytes_by(*backend, curve, &vec![0; order.len()]), refused);
            let mut one = vec![0; order.len()];
            *one.last_mut().unwrap() = 1;
            let one = SecretKey::from_bytes_by(*backend, curve, &one).unwrap();
            // n - 1 and 1 have public keys of the same x and opposite parity.
            let (last, one) = (beside(-1).unwrap().recipient(), one.recipient());
            assert_eq!(last.as_bytes()[1..], one.as_bytes()[1..]);
            assert_eq!(last.as_bytes()[0] ^ one.as_bytes()[0], 1);
        }
        for curve in Curve::ALL {
            for len in [0, 1, 31, 33, 47, 49, 64] {
                let refused = SecretKey::from_bytes_by(*backend, curve, &vec![1; len]);
                assert_eq!(refused, Err(EcdhError::SecretKey { curve }), "{backend:?} {curve}: {len} bytes");
            }
        }
    }
}

/// A draw that is not below the order is drawn again, by every backend alike.
#[test]
fn a_scalar_is_drawn_until_it_is_in_range() {
    for backend in Backend::ALL {
        for (curve, len) in [(Curve::Secp256k1, 32), (Curve::P256, 32), (Curve::P384, 48)] {
            let draws = [vec![0xff; len], vec![0; len], vec![0x42; len]].concat();
            let key = SecretKey::generate_by(*backend, curve, &mut Repeat(draws));
            assert_eq!(key.expose(), vec![0x42; len]);
        }
    }
}

#[test]
fn public_keys_off_their_curve_are_refused() {
    // x = 5 is on neither curve's side for secp256k1; the others are (0, 0) and a point of another curve.
    let refused = [
        (Curve::Secp256k1, format!("02{:064x}", 5)),
        (Curve::P256, format!("02{:064x}", 1)),
        (Curve::Secp256k1, format!("04{:0128x}", 0)),
        (Curve::P256, format!("04{:0128x}", 0)),
        (Curve::P384, format!("04{:0192x}", 0)),
        (Curve::Secp256k1, "ff".repeat(33)),
        (Curve::P256, format!("02{}", "ff".repeat(32))),
        (Curve::Secp256k1, format!("03{}", "ff".repeat(32))),
        (Curve::P384, format!("02{}", "ff".repeat(48))),
        (Curve::Secp256k1, "00".repeat(33)),
    ];
    for backend in Backend::ALL {
        for (curve, public) in &refused {
            let bytes = hex::decode(public).unwrap();
            assert_eq!(
                Recipient::new_by(*backend, *curve, &bytes),
                Err(EcdhError::PublicKey),
                "{backend:?} {curve} {public}"
            );
        }
        for curve in Curve::ALL {
            for len in [0, 1, 31, 34, 48, 50, 64, 66, 96, 98] {
                let error = Recipient::new_by(*backend, curve, &vec![2; len]).unwrap_err();
                assert_eq!(error, EcdhError::PublicKeyLength { curve, found: len });
            }
        }
    }
    assert_eq!(Recipient::from_hex(Curve::P256, "0x02"), Err(EcdhError::PublicKeyHex));
}

#[test]
fn curve25519_keys_of_low_order_or_not_canonical_are_refused() {
    for case in vectors("curve25519-refused.json").as_array().unwrap() {
        let curve: Curve = text(case, "curve").parse().unwrap();
        let public = bytes::<32>(case, "public");
        for backend in Backend::ALL {
            let refused = Recipient::new_by(*backend, curve, &public);
            assert_eq!(refused, Err(EcdhError::PublicKey), "{backend:?} {case}");
            if curve == Curve::X25519 {
                for curve in [Curve::X25519, Curve::Ed25519] {
                    let secret = SecretKey::generate_by(*backend, curve, &mut rng());
                    assert_eq!(secret.agree(&public), Err(EcdhError::PublicKey), "{backend:?} {case}");
                }
            }
        }
    }
}

#[test]
fn envelopes_made_elsewhere_open_and_are_written_alike() {
    let cases = vectors("ecdh-curves.json");
    for backend in Backend::ALL {
        for case in cases.as_array().unwrap() {
            let envelope: Envelope = serde_json::from_value(case["envelope"].clone()).unwrap();
            let curve = envelope.curve;
            let secret = hex::decode(text(case, "secret")).unwrap();
            let secret = SecretKey::from_bytes_by(*backend, curve, &secret).unwrap();
            assert_eq!(secret.recipient().to_hex(), text(case, "public"));
            assert_eq!(hex::encode(secret.recipient().salt()), text(&case["envelope"], "salt"));
            let plugin = text(case, "plugin_id");
            let dek = ecdh::unwrap(&envelope, &secret, plugin).unwrap();
            assert_eq!(dek.expose(), &bytes::<32>(case, "dek"));

            let drawn =
                [text(case, "ephemeral_secret"), text(case, "iv")].map(|field| hex::decode(field).unwrap());
            let mut drawn = Repeat(drawn.concat());
            let recipient = hex::decode(text(case, "public")).unwrap();
            let recipient = Recipient::new_by(*backend, curve, &recipient).unwrap();
            let written = ecdh::wrap(&dek, &recipient, plugin, &mut drawn).unwrap();
            assert_eq!(serde_json::to_value(&written).unwrap(), case["envelope"], "{backend:?}");
        }
    }
    let all: std::collections::BTreeSet<_> =
        cases.as_array().unwrap().iter().map(|case| text(&case["envelope"], "curve")).collect();
    assert_eq!(all.len(), Curve::ALL.len());
}

#[test]
fn curves_are_named_as_in_envelopes() {
    for curve in Curve::ALL {
        assert_eq!(curve.as_str().parse(), Ok(curve));
        assert_eq!(curve.to_string(), curve.as_str());
        assert_eq!(serde_json::to_value(curve).unwrap(), curve.as_str());
    }
    let unknown = "P-256".parse::<Curve>().unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no curve \"P-256\" here: ed25519, p256, p384, secp256k1 and x25519 are known"
    );
    assert_eq!(unknown.code(), "envelope_unknown_curve");
}

#[test]
fn a_private_key_shows_nothing_of_itself() {
    for curve in Curve::ALL {
        let secret = SecretKey::from_bytes(curve, &vec![0xab; curve.secret_len()]).unwrap();
        assert_eq!(format!("{secret:?}"), format!("SecretKey({curve} [redacted])"));
    }
}

/// A holder that is asked, as a hardware wallet is, and may refuse.
#[test]
fn whatever_holds_the_key_can_unwrap_or_refuse() {
    struct Wallet {
        key: SecretKey,
        unlocked: bool,
    }
    impl Agreement for Wallet {
        fn curve(&self) -> Curve {
            self.key.curve()
        }

        fn agree(&self, public: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, EcdhError> {
            if self.unlocked { self.key.agree(public) } else { Err(EcdhError::Holder) }
        }
    }
    let (key, dek, envelope) = wrapped(Backend::IN_USE, Curve::Secp256k1, "p");
    let mut wallet = Box::new(Wallet { key, unlocked: true });
    let holder: &dyn Agreement = &*wallet;
    assert_eq!(ecdh::unwrap(&envelope, holder, "p"), Ok(dek));
    wallet.unlocked = false;
    assert_eq!(ecdh::unwrap(&envelope, &*wallet, "p"), Err(EcdhError::Holder));
}

/// A sender's key of low order makes every holder that does not look agree on zero, which everybody knows.
#[test]
fn a_holder_that_agrees_on_zero_or_on_no_x_coordinate_is_not_believed() {
    struct Careless(Curve, Vec<u8>);
    impl Agreement for Careless {
        fn curve(&self) -> Curve {
            self.0
        }

        fn agree(&self, public: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, EcdhError> {
            assert!([32, 33, 49].contains(&public.len()), "asked about {} bytes", public.len());
            Ok(self.1.clone().into())
        }
    }
    for curve in Curve::ALL {
        let (_, _, envelope) = wrapped(Backend::IN_USE, curve, "p");
        let unwrap = |shared| ecdh::unwrap(&envelope, &Careless(curve, shared), "p");
        let zero = if envelope.ephemeral_pub.len() == 32 { EcdhError::PublicKey } else { EcdhError::Open };
        assert_eq!(unwrap(vec![0; curve.secret_len()]), Err(zero), "{curve}");
        for len in [0, 31, 33, 49, 64, 65] {
            assert_eq!(unwrap(vec![1; len]), Err(EcdhError::Holder), "{curve}: {len} bytes");
        }
        let cut = Envelope { ephemeral_pub: envelope.ephemeral_pub[1..].to_vec(), ..envelope.clone() };
        let refused = ecdh::unwrap(&cut, &Careless(curve, vec![1; curve.secret_len()]), "p").unwrap_err();
        assert!(matches!(refused, EcdhError::PublicKeyLength { .. }), "{curve}");
    }
}

fn sec1_curves() -> impl Strategy<Value = Curve> {
    proptest::sample::select(&[Curve::Secp256k1, Curve::P256, Curve::P384][..])
}

fn uncompressed(curve: Curve, public: &[u8]) -> Vec<u8> {
    use k256::elliptic_curve::sec1::ToSec1Point;
    match curve {
        Curve::Secp256k1 => {
            k256::PublicKey::from_sec1_bytes(public).unwrap().to_sec1_point(false).as_bytes().to_vec()
        }
        Curve::P256 => {
            p256::PublicKey::from_sec1_bytes(public).unwrap().to_sec1_point(false).as_bytes().to_vec()
        }
        _ => p384::PublicKey::from_sec1_bytes(public).unwrap().to_sec1_point(false).as_bytes().to_vec(),
    }
}

fn upper_hex(envelope: &Envelope) -> String {
    let mut json = serde_json::to_value(envelope).unwrap();
    for field in ["ephemeralPub", "salt"] {
        json[field] = text(&json, field).to_uppercase().into();
    }
    json.to_string()
}
