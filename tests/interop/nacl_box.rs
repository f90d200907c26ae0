//! Key packages for printers, and PyNaCl.

use sealpost_envelope::{PrinterSecret, nacl_box};
use serde_json::json;

use crate::cases::Cases;
use crate::peer::{Peer, text};

#[test]
fn sodium_agrees_on_key_packages() {
    let (mut cases, mut sodium) = (Cases::new("nacl-box"), Peer::python("sodium"));
    for _ in 0..Cases::count() {
        let secret = PrinterSecret::generate(cases.rng());
        let public = hex::encode(secret.public().as_bytes());
        let dek = cases.dek();

        let made_there = sodium.ask("boxKey", json!({"recipient": public, "dek": hex::encode(dek.expose())}));
        assert_eq!(nacl_box::unwrap(text(&made_there, "package"), &secret).unwrap(), dek);

        let made_here = nacl_box::wrap(&dek, &secret.public(), cases.rng()).unwrap();
        let request = json!({"secret": hex::encode(secret.expose()), "package": made_here});
        assert_eq!(sodium.ask_bytes("unboxKey", "dek", request.clone()), dek.expose());

        let other = PrinterSecret::generate(cases.rng());
        let mut request = request;
        request["secret"] = hex::encode(other.expose()).into();
        assert!(sodium.try_ask("unboxKey", request).is_err());
    }
}
