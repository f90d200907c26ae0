use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::peer::{Peer, text};
use crate::program::sealpost;

#[test]
fn wallet_show_shows_the_keys_of_hd_wallet() {
    let folder = tempfile::tempdir().unwrap();
    let mut hd_wallet = Peer::node("hdwallet");
    for index in ["0", "5"] {
        let mnemonic = hd_wallet.ask("newMnemonic", json!({"words": 12}));
        let mnemonic = text(&mnemonic, "mnemonic");
        fs::write(folder.path().join("words"), mnemonic).unwrap();
        for curve in ["secp256k1", "p256", "x25519", "ed25519"] {
            let ours = show(curve, index, folder.path());
            let request = json!({"mnemonic": mnemonic, "passphrase": "", "path": text(&ours, "path")});
            let theirs = hd_wallet.ask("walletKey", request);
            assert_eq!(text(&ours, "privateKey"), text(&theirs, "secret"));
            let theirs =
                hd_wallet.ask("publicKey", json!({"curve": curve, "secret": text(&theirs, "secret")}));
            assert_eq!(text(&ours, "publicKey"), text(&theirs, "publicKey"), "{curve}");
        }
    }
}

fn show(curve: &str, index: &str, folder: &Path) -> Value {
    let key = ["wallet", "show", "--mnemonic-file", "words", "--curve", curve, "--index", index];
    let shown = sealpost(&[&key[..], &["--reveal", "--json"]].concat(), b"", folder);
    serde_json::from_slice(&shown).unwrap()
}
