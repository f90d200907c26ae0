//! Keys of wallets on every curve, as other programs make them of the same words.

use std::collections::BTreeMap;

use sealpost_envelope::ecdh::{Curve, Recipient};
use sealpost_wallet::{Mnemonic, Wallet, path};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    keys: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    mnemonic: String,
    passphrase: String,
    index: u32,
    path: String,
    keys: BTreeMap<String, Pair>,
}

#[derive(Deserialize)]
struct Pair {
    private: String,
    public: String,
}

#[test]
fn every_curve_has_the_key_that_other_programs_find() {
    let Vectors { keys } = serde_json::from_str(include_str!("wallet.json")).unwrap();
    assert_eq!(keys.len(), 15);
    for case in keys {
        assert_eq!(path(case.index).unwrap(), case.path);
        let wallet = Wallet::new(&Mnemonic::parse(&case.mnemonic).unwrap(), &case.passphrase).unwrap();
        assert_eq!(case.keys.len(), Curve::ALL.len());
        for (curve, Pair { private, public }) in case.keys {
            let curve: Curve = curve.parse().unwrap();
            let key = wallet.key(curve, case.index).unwrap();
            assert_eq!(hex::encode(key.expose()), private, "{curve} {}", case.path);
            assert_eq!(
                key.recipient(),
                Recipient::from_hex(curve, &public).unwrap(),
                "{curve} {}",
                case.path
            );
        }
    }
}
