use rand_core::UnwrapErr;
use sealpost_envelope::{Dek, ecdh};

use super::*;
use crate::{GAP, Language, Mnemonic, WordCount};

fn wallet() -> Wallet {
    let words = Mnemonic::generate(WordCount::Words12, Language::English, &mut UnwrapErr(getrandom::SysRng));
    Wallet::new(&words, "").unwrap()
}

fn envelope(wallet: &Wallet, curve: Curve, index: u32) -> Envelope {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let recipient = wallet.key(curve, index).unwrap().recipient();
    ecdh::wrap(&Dek::generate(&mut rng), &recipient, "p", &mut rng).unwrap()
}

#[test]
fn the_index_of_an_envelope_is_found_on_every_curve() {
    let wallet = wallet();
    for curve in Curve::ALL {
        assert_eq!(wallet.find(&envelope(&wallet, curve, 7), GAP), Some(7), "{curve}");
    }
}

#[test]
fn a_scan_stops_after_the_gap() {
    let wallet = wallet();
    assert_eq!(wallet.find(&envelope(&wallet, Curve::X25519, 19), 20), Some(19));
    assert_eq!(wallet.find(&envelope(&wallet, Curve::X25519, 20), 20), None);
    assert_eq!(wallet.find(&envelope(&wallet, Curve::X25519, 20), 21), Some(20));
    assert_eq!(wallet.find(&envelope(&wallet, Curve::X25519, 0), 0), None);
}

#[test]
fn every_hit_starts_the_gap_again() {
    let wallet = wallet();
    let indexes = [24, 4, 9, 9, 50];
    let curves = [Curve::X25519, Curve::Secp256k1, Curve::X25519, Curve::Ed25519, Curve::P256];
    let envelopes: Vec<_> =
        indexes.iter().zip(curves).map(|(index, curve)| envelope(&wallet, curve, *index)).collect();
    assert_eq!(wallet.scan(&envelopes, 15), [Some(24), Some(4), Some(9), Some(9), None]);
    assert_eq!(wallet.scan(&envelopes[..1], 15), [None]);
    assert_eq!(wallet.scan(&[], 15), []);
}

#[test]
fn the_envelope_of_another_wallet_or_curve_is_not_found() {
    let wallet = wallet();
    assert_eq!(wallet.find(&envelope(&self::wallet(), Curve::Secp256k1, 0), GAP), None);
    let mut relabelled = envelope(&wallet, Curve::Secp256k1, 0);
    relabelled.curve = Curve::P256;
    assert_eq!(wallet.find(&relabelled, GAP), None);
}
