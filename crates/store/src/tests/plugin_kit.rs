//! Plugins as their publishers send them.

use http::StatusCode;
use sealpost_envelope::release::Release;
use sealpost_envelope::{ContentCipher, Dek, Sealer, SigningKey, cid, digest, ecdh};
use serde_json::{Map, Value, json};

use super::kit::{Answer, Kit};
use crate::random;

/// The smallest module, and a custom section with a mark to look for.
pub(crate) const WASM: &[u8] = b"\0asm\x01\0\0\0\0\x0f\x04noteWASM-MARK!";
pub(crate) const PLUGIN: &str = "org.example.Viewer";

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&random::bytes().unwrap())
}

pub(crate) fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().to_bytes())
}

pub(crate) fn manifest() -> Value {
    json!({"name": "Viewer", "version": "1.0.0", "type": "viewer", "abi": 1, "permissions": ["log"], "ratio": 0.1})
}

/// What is signed about `WASM` as version 1.0.0 of `PLUGIN`.
pub(crate) fn statement(key: &SigningKey, cid: Option<&str>) -> Release {
    let Value::Object(manifest) = manifest() else { return statement(key, cid) };
    Release {
        publisher: key.verifying_key().to_bytes(),
        listing: PLUGIN.to_owned(),
        version: "1.0.0".to_owned(),
        cid: cid.map(str::to_owned),
        plain_sha256: digest::sha256(WASM),
        cipher: ContentCipher::Aes256Gcm,
        manifest,
    }
}

pub(crate) fn sign(statement: &Release, key: &SigningKey) -> String {
    hex::encode(statement.sign(key).unwrap())
}

/// A plugin sealed by its publisher: the blob, and what the store is told of it.
pub(crate) async fn sealed(kit: &Kit, wasm: &[u8], cipher: ContentCipher) -> (Vec<u8>, Value) {
    use std::io::Write;
    let vault = kit.get("/api/v1/vault-key", "").await.string("public_key");
    let vault = ecdh::Recipient::from_hex(ecdh::Curve::X25519, &vault).unwrap();
    let dek = Dek::generate(&mut random::rng());
    let mut sealer = Sealer::new(cipher, &dek, &mut random::rng(), Vec::new()).unwrap();
    sealer.write_all(wasm).unwrap();
    let blob = sealer.finish().unwrap();
    let plain_sha256 = digest::sha256_hex(wasm);
    let envelope = ecdh::wrap(&dek, &vault, &format!("vault:{plain_sha256}"), &mut random::rng()).unwrap();
    let told = json!({"cipher": cipher, "envelope": envelope, "plain_sha256": plain_sha256, "plain_size": wasm.len()});
    (blob, told)
}

impl Kit {
    /// A listing of `PLUGIN`, with a key if there is one.
    pub(crate) async fn plugin(&self, seller: &str, key: Option<&SigningKey>) -> String {
        let mut plugin = json!({"plugin_id": PLUGIN, "devices": 2});
        if let Some(key) = key {
            plugin["publisher_key"] = public(key).into();
        }
        self.listing(seller, json!({"kind": "plugin", "plugin": plugin})).await
    }

    /// Version 1.0.0 of `PLUGIN` with the given members besides.
    pub(crate) async fn publish_plugin(&self, seller: &str, more: Value, file: &[u8]) -> Answer {
        let mut release = Map::from_iter([
            ("listing".to_owned(), PLUGIN.into()),
            ("version".to_owned(), "1.0.0".into()),
            ("manifest".to_owned(), manifest()),
        ]);
        release.extend(more.as_object().unwrap().clone());
        self.publish(seller, release.into(), file).await
    }
}

pub(crate) fn created(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

/// The CID of a blob, as anybody computes it.
pub(crate) fn cid_of(blob: &[u8]) -> String {
    cid::of(blob)
}
