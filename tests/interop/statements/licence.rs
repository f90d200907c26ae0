use sealpost_envelope::keyset;
use sealpost_envelope::plk::{Licence, LicenceType, Usage};
use serde_json::{Value, json};

use super::{NOW, public, python, seed};
use crate::cases::Cases;
use crate::peer::text;

const PREFIX: &str = "sealpost-plk-v1\n";
const TYPES: [&str; 6] = ["Trial", "Commercial", "Enterprise", "Educational", "OpenSource", "Internal"];

#[test]
fn python_agrees_on_licences() {
    let (mut cases, mut python) = (Cases::new("licence"), python());
    for _ in 0..4 * Cases::count() {
        let key = keyset::generate(cases.rng());
        let fields = fields(&mut cases, &public(&key));

        let request = json!({"seed": seed(&key), "prefix": PREFIX, "statement": fields});
        let signature = python.ask("sign", request);
        let mut theirs = fields.clone();
        theirs["SIGNATURE"] = text(&signature, "signature").into();
        let theirs = Licence::from_json(theirs.to_string().as_bytes()).unwrap();
        let usage = Usage {
            plugin_id: &theirs.plugin_id,
            plugin_version: Some(&theirs.plugin_version),
            domain: Some("a.example.org"),
            activations: 0,
            now: NOW,
        };
        theirs.verify(&key.verifying_key(), &usage).unwrap();

        let unsigned = Licence { signature: None, issuer_pubkey: None, ..theirs.clone() };
        let ours = unsigned.sign(&key).unwrap();
        let mut statement: Value = serde_json::from_str(&ours.to_json().unwrap()).unwrap();
        let signature = statement.as_object_mut().unwrap().remove("SIGNATURE").unwrap();
        assert_eq!(statement, fields);
        let mut request = json!({
            "publicKey": public(&key), "prefix": PREFIX, "statement": statement, "signature": signature,
        });
        python.ask("verify", request.clone());
        request["statement"]["MAX_ACTIVATIONS"] = 1_000_000.into();
        assert!(python.try_ask("verify", request).is_err(), "for more devices");
        assert_eq!(ours, theirs);

        // Through a FlatBuffer the signature still holds.
        let travelled = Licence::from_flatbuffer(&ours.to_flatbuffer().unwrap()).unwrap();
        assert_eq!(travelled, theirs);
    }
}

/// A licence as the format's description says it, written without the crate: what is empty is left out.
fn fields(cases: &mut Cases, issuer: &str) -> Value {
    let kind = cases.below(TYPES.len());
    assert_eq!(LicenceType::ALL.len(), TYPES.len());
    let mut fields = json!({
        "LICENSE_ID": format!("l{}", cases.text()),
        "PLUGIN_ID": cases.plugin_id(),
        "LICENSEE_ORG": format!("o{}", cases.text()),
        "ISSUER_PUBKEY": issuer,
        "LICENSE_TYPE": TYPES[kind],
        "MAX_ACTIVATIONS": cases.below(1000),
        "ISSUED_AT": (NOW - 10).to_string(),
        "VALID_FROM": NOW.to_string(),
        "EXPIRES_AT": if cases.below(2) == 0 { "0".to_owned() } else { (1_u64 << 60).to_string() },
    });
    for name in ["PLUGIN_VERSION", "LICENSEE_EMAIL", "LICENSEE_PEER_ID", "ISSUER_PEER_ID"] {
        let text = cases.text();
        if !text.is_empty() {
            fields[name] = text.into();
        }
    }
    if cases.below(2) == 0 {
        fields["LICENSEE_PUBKEY"] = "09".repeat(32).into();
    }
    if cases.below(2) == 0 {
        fields["ALLOWED_DOMAINS"] = json!(["a.example.org", "xn--bcher-kva.example"]);
    }
    if cases.below(2) == 0 {
        fields["ALLOWED_TLDS"] = json!(["org", "co.uk"]);
    }
    fields
}
