use ed25519_dalek::SigningKey;
use sealpost_envelope::{
    domain::normalise,
    plk::{LEEWAY, LICENCE_BYTES, Licence, Usage},
};

const NOW: u64 = 1_790_000_000;

/// What holds for every licence that is read, however it came.
pub fn check_licence(read: &Licence) {
    let issuer = SigningKey::from_bytes(&[7; 32]);
    let public = issuer.verifying_key();
    assert!(read.check_signature(&public).is_err(), "another issuer's signature counts");

    travels(read);
    let Ok(signed) = read.clone().sign(&issuer) else { return };
    assert_eq!(signed.check_signature(&public), Ok(()));
    for arrived in travels(&signed) {
        assert_eq!(arrived.check_signature(&public), Ok(()), "a licence loses its signature on its way");
        good_for_what_it_says(&arrived);
        let changed = Licence { max_activations: arrived.max_activations ^ 1, ..arrived };
        assert!(changed.check_signature(&public).is_err(), "a changed licence is taken");
    }
}

/// The same licence after each way to travel that is wide enough for it.
fn travels(licence: &Licence) -> Vec<Licence> {
    let mut arrived = Vec::new();
    if let Ok(json) = licence.to_json() {
        arrived.push(Licence::from_json(json.as_bytes()).unwrap());
    }
    if let Ok(bytes) = licence.to_flatbuffer() {
        arrived.push(Licence::from_flatbuffer(&bytes).unwrap());
        arrived.push(Licence::from_flatbuffer(&bytes[4..]).unwrap());
    }
    assert!(!arrived.is_empty(), "a licence below {LICENCE_BYTES} bytes travels in no form");
    for one in &arrived {
        assert_eq!(one, licence);
    }
    arrived
}

fn good_for_what_it_says(licence: &Licence) {
    let public = SigningKey::from_bytes(&[7; 32]).verifying_key();
    let domain = licence.allowed_domains.first().map(String::as_str);
    let version = Some(licence.plugin_version.as_str());
    let usage =
        Usage { plugin_id: &licence.plugin_id, plugin_version: version, domain, activations: 0, now: NOW };
    let bound = !licence.allowed_domains.is_empty() || !licence.allowed_tlds.is_empty();
    if licence.verify(&public, &usage).is_ok() {
        assert!(licence.issued_at <= NOW + LEEWAY && licence.valid_from <= NOW + LEEWAY);
        assert!(licence.expires_at == 0 || NOW < licence.expires_at);
        assert!(!bound || domain.is_some_and(|domain| normalise(domain).is_ok()));
        assert!(licence.verify(&public, &Usage { plugin_id: "another", ..usage }).is_err());
        assert!(!bound || licence.verify(&public, &Usage { domain: None, ..usage }).is_err());
        let full = Usage { activations: u32::MAX, ..usage };
        assert_eq!(licence.verify(&public, &full).is_ok(), licence.max_activations == 0);
    }
}
