use std::fs;

use serde_json::json;

use crate::cases::Cases;
use crate::peer::Peer;
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
