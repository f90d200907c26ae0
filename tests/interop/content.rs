//! Sealed files of the ciphers that are not age's.

use std::io::{Read, Write};

use sealpost_envelope::{ContentCipher, Dek, Opener, Sealer};
use serde_json::json;

use crate::cases::{Cases, SIZES};
use crate::peer::{Peer, bytes, text};

#[test]
fn openssl_agrees_on_aes_256_gcm() {
    agree_on_gcm("openssl", Peer::python("openssl"));
}

#[test]
fn webcrypto_agrees_on_aes_256_gcm() {
    agree_on_gcm("webcrypto", Peer::node("webcrypto"));
}

#[test]
fn noble_agrees_on_aes_256_gcm() {
    agree_on_gcm("noble", Peer::node("noble"));
}

#[test]
fn hd_wallet_agrees_on_aes_256_gcm() {
    agree_on_gcm("hdwallet", Peer::node("hdwallet"));
}

#[test]
fn openssl_agrees_on_aes_256_cbc() {
    let (mut cases, mut peer) = (Cases::new("cbc"), Peer::python("openssl"));
    for size in SIZES {
        let (dek, plain) = (cases.dek(), cases.bytes(size));
        let key = hex::encode(dek.expose());

        let there = peer.ask("sealCbc", json!({"key": key, "plain": hex::encode(&plain)}));
        let iv = bytes(&there, "iv").try_into().unwrap();
        assert_eq!(open(ContentCipher::Aes256Cbc, &dek, Some(iv), &bytes(&there, "blob")), plain);

        let (iv, blob) = seal(ContentCipher::Aes256Cbc, &dek, &mut cases, &plain);
        let request = json!({"key": key, "iv": hex::encode(iv.unwrap()), "blob": hex::encode(blob)});
        assert_eq!(peer.ask_bytes("openCbc", "plain", request), plain);
    }
}

/// There are no new Fernet tokens: they are only read.
#[test]
fn fernet_tokens_of_openssl_open() {
    let (mut cases, mut peer) = (Cases::new("fernet"), Peer::python("openssl"));
    for size in SIZES {
        let (dek, plain) = (cases.dek(), cases.bytes(size));
        let request = json!({"key": hex::encode(dek.expose()), "plain": hex::encode(&plain)});
        let there = peer.ask("sealFernet", request);
        assert_eq!(open(ContentCipher::Fernet, &dek, None, text(&there, "token").as_bytes()), plain);
    }
}

fn agree_on_gcm(name: &str, mut peer: Peer) {
    let mut cases = Cases::new(&format!("gcm/{name}"));
    for size in SIZES {
        let (dek, plain) = (cases.dek(), cases.bytes(size));
        let key = hex::encode(dek.expose());

        let there = peer.ask_bytes("sealGcm", "blob", json!({"key": key, "plain": hex::encode(&plain)}));
        assert_eq!(open(ContentCipher::Aes256Gcm, &dek, None, &there), plain);

        let (_, mut blob) = seal(ContentCipher::Aes256Gcm, &dek, &mut cases, &plain);
        let opened = peer.ask_bytes("openGcm", "plain", json!({"key": key, "blob": hex::encode(&blob)}));
        assert_eq!(opened, plain);

        let at = cases.below(blob.len());
        blob[at] ^= 1;
        assert!(peer.try_ask("openGcm", json!({"key": key, "blob": hex::encode(&blob)})).is_err());
    }
}

pub(crate) fn seal(
    cipher: ContentCipher,
    dek: &Dek,
    cases: &mut Cases,
    plain: &[u8],
) -> (Option<[u8; 16]>, Vec<u8>) {
    let mut sealer = Sealer::new(cipher, dek, cases.rng(), Vec::new()).unwrap();
    sealer.write_all(plain).unwrap();
    (sealer.iv(), sealer.finish().unwrap())
}

pub(crate) fn open(cipher: ContentCipher, dek: &Dek, iv: Option<[u8; 16]>, blob: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    Opener::new(cipher, dek, iv, blob).unwrap().read_to_end(&mut plain).unwrap();
    plain
}
