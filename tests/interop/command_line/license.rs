use std::fs;

use sealpost_envelope::keyset;
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, text};
use crate::program::sealpost;

const PREFIX: &str = "sealpost-plk-v1\n";

#[test]
fn python_verifies_an_issued_licence_and_issues_one_that_verifies() {
    let (mut cases, folder) = (Cases::new("license"), tempfile::tempdir().unwrap());
    let mut python = Peer::python("statements");
    let plugin_id = cases.plugin_id();
    let issuer = keyset::generate(cases.rng());
    let (seed, public) = (hex::encode(issuer.to_bytes()), hex::encode(issuer.verifying_key().as_bytes()));
    fs::write(folder.path().join("issuer"), &seed).unwrap();

    let issue =
        ["license", "issue", "--key-file", "issuer", "--plugin-id", &plugin_id, "--licensee-org", "ACME"];
    let allowed =
        ["--domain", "app.example.com", "--tld", "org", "--max-activations", "3", "--type", "enterprise"];
    let ours = sealpost(&[&issue[..], &allowed].concat(), b"", folder.path());
    let mut statement: Value = serde_json::from_slice(&ours).unwrap();
    assert_eq!(text(&statement, "ISSUER_PUBKEY"), public);
    let signature = statement.as_object_mut().unwrap().remove("SIGNATURE").unwrap();
    let request =
        json!({"publicKey": public, "prefix": PREFIX, "statement": statement, "signature": signature});
    python.ask("verify", request);

    statement["LICENSEE_ORG"] = "Another".into();
    let request = json!({"seed": seed, "prefix": PREFIX, "statement": statement});
    statement["SIGNATURE"] = python.ask("sign", request)["signature"].take();
    let verify = ["license", "verify", "--issuer", &public, "--plugin-id", &plugin_id];
    let where_it_runs = ["--domain", "app.example.com", "--json"];
    let told =
        sealpost(&[&verify[..], &where_it_runs].concat(), statement.to_string().as_bytes(), folder.path());
    assert_eq!(serde_json::from_slice::<Value>(&told).unwrap()["valid"], true);
}
