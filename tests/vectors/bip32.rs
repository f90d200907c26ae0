//! BIP-32: every chain and every bad key of its text. The wallet's own steps are tested with the same chains in its
//! crate; the keys they lead to, here.

use bip32::{DerivationPath, Prefix, XPrv, XPub};
use sealpost_envelope::ecdh::{Curve, SecretKey};
use serde::Deserialize;

#[derive(Deserialize)]
struct Chain {
    seed: String,
    chain: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    path: String,
    xprv: String,
    xpub: String,
}

#[test]
fn every_chain_comes_out_as_published() {
    let mut seen = 0;
    for Chain { seed, chain } in serde_json::from_str::<Vec<Chain>>(include_str!("bip32/valid.json")).unwrap()
    {
        for Step { path, xprv, xpub } in chain {
            let place: DerivationPath = path.parse().unwrap();
            let key = XPrv::derive_from_path(&hex::decode(&seed).unwrap(), &place).unwrap();
            assert_eq!(*key.to_string(Prefix::XPRV), xprv, "{path}");
            assert_eq!(key.public_key().to_string(Prefix::XPUB), xpub, "{path}");

            // The public half as our own arithmetic has it.
            let ours = SecretKey::from_bytes(Curve::Secp256k1, &key.to_bytes()).unwrap();
            assert_eq!(ours.recipient().as_bytes(), key.public_key().to_bytes(), "{path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 17);
}

#[test]
fn every_bad_key_is_refused() {
    let bad: Vec<String> = serde_json::from_str(include_str!("bip32/invalid.json")).unwrap();
    assert_eq!(bad.len(), 16);
    for key in bad {
        assert!(key.parse::<XPrv>().is_err(), "{key}");
        assert!(key.parse::<XPub>().is_err(), "{key}");
    }
}
