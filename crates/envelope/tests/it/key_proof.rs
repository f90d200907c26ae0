//! Proving a device key to a store.

use sealpost_envelope::{
    Dek,
    ecdh::{Curve, EcdhError, SecretKey, wrap},
    key_proof::{AccountIdError, answer, check, context, respond},
};

use crate::common::rng;

/// By Python: `hmac.new(bytes([0x42] * 32), b"sealpost-key-proof-v1\n" + context, hashlib.sha256).hexdigest()`.
#[test]
fn the_answer_is_the_documented_hmac() {
    let context = context("https://shop.example", "u_1").unwrap();
    assert_eq!(context, "sealpost-key:https://shop.example:u_1");
    assert_eq!(
        answer(&Dek::from_bytes([0x42; 32]), &context),
        "ec0ab0e13889a47495dcca34f9b42172501c69aa64a1391ab2d48629722e0cc8"
    );
}

#[test]
fn the_holder_of_a_key_proves_it_on_every_curve() {
    let context = context("https://shop.example", "u_1").unwrap();
    for curve in Curve::ALL {
        let key = SecretKey::generate(curve, &mut rng());
        let secret = Dek::generate(&mut rng());
        let challenge = wrap(&secret, &key.recipient(), &context, &mut rng()).unwrap();
        let answer = respond(&challenge, &key, &context).unwrap();
        assert!(check(&secret, &context, &answer), "{curve}");
    }
}

#[test]
fn a_challenge_of_another_store_or_account_is_answered_for_nobody() {
    let ours = context("https://shop.example", "u_1").unwrap();
    let key = SecretKey::generate(Curve::X25519, &mut rng());
    for other in [("https://shop.example", "u_2"), ("https://evil.example", "u_1")] {
        let other = context(other.0, other.1).unwrap();
        let challenge = wrap(&Dek::generate(&mut rng()), &key.recipient(), &other, &mut rng()).unwrap();
        assert_eq!(respond(&challenge, &key, &ours), Err(EcdhError::Open));
    }
}

#[test]
fn an_account_id_cannot_pass_for_a_part_of_the_origin() {
    for id in ["8443:u_1", "", ":", "u_1 ", "u-1", "u_1\n", "ü_1", "u/1", "u_1\0"] {
        assert_eq!(context("https://shop.example", id), Err(AccountIdError), "{id:?}");
    }
    assert!(context("https://shop.example:8443", "u_AZ09az").is_ok());
}

#[test]
fn another_answer_is_no_proof() {
    let context = context("https://shop.example", "u_1").unwrap();
    let secret = Dek::generate(&mut rng());
    let right = answer(&secret, &context);
    assert!(check(&secret, &context, &right));
    assert!(!check(&secret, "sealpost-key:https://shop.example:u_2", &right));
    for wrong in ["", &right[2..], &right.to_uppercase(), &answer(&Dek::generate(&mut rng()), &context)] {
        assert!(!check(&secret, &context, wrong), "{wrong}");
    }
}
