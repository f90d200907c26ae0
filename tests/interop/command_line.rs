//! The same by the `sealpost` command, in the files and pipes that people use.

use std::fs;
use std::path::Path;

use sealpost_envelope::ecdh::{Curve, SecretKey};
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, bytes, text};
use crate::program::{run, sealpost};

#[test]
fn age_programs_open_what_seal_makes_with_the_identity_it_prints() {
    let (mut cases, folder) = (Cases::new("seal"), tempfile::tempdir().unwrap());
    let (mut rage, mut age_encryption) = (Peer::python("rage"), Peer::node("age"));
    let path = |name: &str| folder.path().join(name);
    for size in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
        let plain = cases.bytes(size);
        fs::write(path("plain"), &plain).unwrap();
        let printed =
            sealpost(&["seal", "--cipher", "age", "--force", "plain", "sealed.age"], b"", folder.path());
        fs::write(path("key.txt"), &printed).unwrap();

        let opened = run("age", &["-d", "-i", "key.txt", "sealed.age"], folder.path());
        assert!(opened == plain, "by age, {size} bytes");
        let identity = str::from_utf8(&printed).unwrap().lines().find(|line| !line.starts_with('#')).unwrap();
        let request =
            json!({"identity": identity, "file": hex::encode(fs::read(path("sealed.age")).unwrap())});
        assert!(rage.ask_bytes("decrypt", "plain", request.clone()) == plain, "by rage, {size} bytes");
        assert!(
            age_encryption.ask_bytes("decrypt", "plain", request) == plain,
            "by age-encryption, {size} bytes"
        );
    }
}

#[test]
fn open_opens_what_age_sealed_for_a_fresh_identity() {
    let (mut cases, folder) = (Cases::new("open"), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    run("age-keygen", &["-o", "key.txt"], folder.path());
    let recipient = run("age-keygen", &["-y", "key.txt"], folder.path());
    for size in [0, 65_536, 100_000] {
        let plain = cases.bytes(size);
        fs::write(path("plain"), &plain).unwrap();
        let recipient = str::from_utf8(&recipient).unwrap().trim();
        fs::write(path("sealed.age"), run("age", &["-r", recipient, "plain"], folder.path())).unwrap();
        let open = ["open", "--cipher", "age", "--dek-file", "key.txt", "sealed.age", "-"];
        assert!(sealpost(&open, b"", folder.path()) == plain, "{size} bytes");
    }
}

#[test]
fn envelopes_of_the_command_line_and_of_noble_are_the_same() {
    let (mut cases, folder) = (Cases::new("envelope"), tempfile::tempdir().unwrap());
    let (mut noble, mut eme) = (Peer::node("noble"), Peer::node("eme"));
    for curve in Curve::ALL {
        let secret = SecretKey::generate(curve, cases.rng());
        let (dek, plugin_id) = (hex::encode(cases.array::<32>()), cases.plugin_id());
        fs::write(folder.path().join("dek"), &dek).unwrap();
        fs::write(folder.path().join("key"), hex::encode(secret.expose())).unwrap();

        let to = secret.recipient().to_hex();
        let wrap = ["envelope", "wrap", "--to", &to, "--curve", curve.as_str(), "--plugin-id", &plugin_id];
        let ours = sealpost(&[&wrap[..], &["--dek-file", "dek"]].concat(), b"", folder.path());
        let request = json!({
            "curve": curve, "secret": hex::encode(secret.expose()), "pluginId": plugin_id,
            "envelope": serde_json::from_slice::<Value>(&ours).unwrap(),
        });
        assert_eq!(text(&noble.ask("unwrap", request), "dek"), dek);

        let request = json!({"curve": curve, "recipient": to, "pluginId": plugin_id, "dek": dek});
        let theirs = noble.ask("wrap", request)["envelope"].take();
        let unwrap = ["envelope", "unwrap", "--key-file", "key", "--plugin-id", &plugin_id];
        let opened = sealpost(&unwrap, theirs.to_string().as_bytes(), folder.path());
        assert_eq!(str::from_utf8(&opened).unwrap().trim(), dek);

        let to_eme = ["envelope", "to-eme", "--plugin-id", &plugin_id];
        let record = sealpost(&to_eme, theirs.to_string().as_bytes(), folder.path());
        let mut read = eme.ask("read", json!({"bytes": hex::encode(record)}))["records"].take();
        assert_eq!(read[0]["EPHEMERAL_PUBLIC_KEY"], theirs["ephemeralPub"]);
        read[0]["ENCRYPTION_ALGORITHM_PARAMETERS"] = Value::Null;
        let record = bytes(&eme.ask("write", json!({"records": read})), "bytes");
        let back = sealpost(&["envelope", "from-eme"], &record, folder.path());
        assert_eq!(serde_json::from_slice::<Value>(&back).unwrap(), theirs);
    }
}

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
