use std::fs;

use sealpost_envelope::keyset;
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, text};
use crate::program::sealpost;

#[test]
fn a_page_opens_a_signed_bundle_and_makes_one_that_opens() {
    let (mut cases, folder) = (Cases::new("bundle"), tempfile::tempdir().unwrap());
    let (mut page, mut python) = (Peer::node("bundle"), Peer::python("statements"));
    let path = |name: &str| folder.path().join(name);
    let (plugin_id, plain) = (cases.plugin_id(), cases.bytes(10_000));
    let secret = hex::encode(cases.array::<32>());
    let publisher = keyset::generate(cases.rng());
    fs::write(path("plugin.wasm"), &plain).unwrap();
    fs::write(path("secret"), &secret).unwrap();
    fs::write(path("publisher"), hex::encode(publisher.to_bytes())).unwrap();
    fs::write(path("manifest"), Value::from(cases.object(2)).to_string()).unwrap();

    let make =
        ["bundle", "make", "--plugin-id", &plugin_id, "--version", "1.2.0", "--manifest-file", "manifest"];
    let domain = ["--domain", "example.com", "--domain", "localhost", "--domain-secret-file", "secret"];
    let signed = ["--epoch", "7", "--publisher-key-file", "publisher", "plugin.wasm"];
    let ours = sealpost(&[&make[..], &domain, &signed].concat(), b"", folder.path());
    let ours: Value = serde_json::from_slice(&ours).unwrap();
    assert_eq!(ours["domainKek"], json!({"version": 2, "epoch": 7}));
    for domain in ["localhost", "example.com"] {
        let request = json!({"secret": secret, "domain": domain, "pluginId": plugin_id, "epoch": 7});
        let key = page.ask("domainKey", request)["key"].take();
        assert_eq!(page.ask_bytes("open", "plain", json!({"key": key, "bundle": ours})), plain);
    }
    let release = json!({
        "publisher": hex::encode(publisher.verifying_key().as_bytes()), "listing": plugin_id, "version": "1.2.0",
        "plain_sha256": ours["wasmHash"], "cipher": "aes-256-gcm", "manifest": ours["manifest"],
    });
    let request = json!({
        "publicKey": release["publisher"], "prefix": "sealpost-release-v1\n", "statement": release,
        "signature": ours["signature"],
    });
    python.ask("verify", request);

    let request = json!({"secret": secret, "domain": "example.com", "pluginId": plugin_id, "epoch": 8});
    let key = page.ask("domainKey", request);
    let request = json!({
        "keys": [text(&key, "key")], "plain": hex::encode(&plain), "pluginId": plugin_id, "demo": false,
    });
    let mut theirs = page.ask("seal", request)["bundle"].take();
    theirs["domainKek"] = json!({"version": 2, "epoch": 8});
    let open = ["bundle", "open", "--domain", "example.com", "--domain-secret-file", "secret", "-"];
    assert!(sealpost(&open, theirs.to_string().as_bytes(), folder.path()) == plain);
}
