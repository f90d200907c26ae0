//! BIP-32: every chain and every bad key of its text. The wallet's own steps are tested with the same chains in its
//! crate; the keys they lead to, here.

use bip32::{ChildNumber, DerivationPath, Prefix, XPrv, XPub};
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

/// Wallets read words, never extended keys, so it is the library that is held against this list. It takes master keys
/// that claim to have a parent; those can be told by their attributes.
#[test]
fn every_bad_key_is_refused_or_is_a_master_key_with_a_parent() {
    let bad: Vec<String> = serde_json::from_str(include_str!("bip32/invalid.json")).unwrap();
    let (mut refused, mut orphaned) = (0, 0);
    for key in bad {
        let private = key.parse::<XPrv>().map(|key| key.attrs().clone());
        match private.or_else(|_| key.parse::<XPub>().map(|key| key.attrs().clone())) {
            Err(_) => refused += 1,
            Ok(read) => {
                assert_eq!(read.depth, 0, "{key}");
                assert!(read.parent_fingerprint != [0; 4] || read.child_number != ChildNumber(0), "{key}");
                orphaned += 1;
            }
        }
    }
    assert_eq!((refused, orphaned), (12, 4));
}
