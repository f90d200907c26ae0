//! Content sealed as age files: age (Go, Debian's), rage (its library, by pyrage) and npm's age-encryption open ours
//! and we open theirs.

use std::fs;

use sealpost_envelope::{ContentCipher, Dek, content::age_identity};
use serde_json::json;

use crate::cases::{Cases, SIZES};
use crate::content::{open, seal};
use crate::peer::{Peer, text};
use crate::program::run;

#[test]
fn age_opens_our_files_and_we_open_its() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut cases = Cases::new("age");
    for size in SIZES {
        let (dek, plain) = (cases.dek(), cases.bytes(size));
        fs::write(path("identity"), identity(&dek)).unwrap();
        fs::write(path("plain"), &plain).unwrap();

        fs::write(path("ours.age"), seal(ContentCipher::Age, &dek, &mut cases, &plain).1).unwrap();
        let opened = run("age", &["-d", "-i", "identity", "ours.age"], folder.path());
        assert!(opened == plain, "ours of {size} bytes, opened by age");

        let recipient = run("age-keygen", &["-y", "identity"], folder.path());
        let recipient = str::from_utf8(&recipient).unwrap().trim();
        let theirs = run("age", &["-r", recipient, "plain"], folder.path());
        assert!(open(ContentCipher::Age, &dek, None, &theirs) == plain, "age's of {size} bytes, opened here");
    }
}

#[test]
fn rage_opens_our_files_and_we_open_its() {
    agree("rage", Peer::python("rage"));
}

#[test]
fn age_encryption_opens_our_files_and_we_open_its() {
    agree("age-encryption", Peer::node("age"));
}

fn agree(name: &str, mut peer: Peer) {
    let mut cases = Cases::new(name);
    for size in SIZES {
        let (dek, plain) = (cases.dek(), cases.bytes(size));

        let ours = hex::encode(seal(ContentCipher::Age, &dek, &mut cases, &plain).1);
        let request = json!({"identity": identity(&dek), "file": ours});
        assert!(peer.ask_bytes("decrypt", "plain", request) == plain, "ours of {size} bytes, opened there");
        let request = json!({"identity": identity(&cases.dek()), "file": ours});
        assert!(peer.try_ask("decrypt", request).is_err(), "by another key");

        let recipient = peer.ask("recipient", json!({"identity": identity(&dek)}));
        let request = json!({"recipient": text(&recipient, "recipient"), "plain": hex::encode(&plain)});
        let theirs = peer.ask_bytes("encrypt", "file", request);
        assert!(
            open(ContentCipher::Age, &dek, None, &theirs) == plain,
            "theirs of {size} bytes, opened here"
        );
    }
}

/// The content key as age programs take it.
fn identity(dek: &Dek) -> String {
    age_identity(dek).unwrap().to_string()
}
