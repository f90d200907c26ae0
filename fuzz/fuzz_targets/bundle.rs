//! Bundle JSON.
#![no_main]

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{
    Dek,
    bundle::Bundle,
    domain::{DomainKey, DomainVersion},
    release::Trust,
};
use sealpost_fuzz::{Counting, stranger, strangers};

fuzz_target!(|data: &[u8]| {
    let Ok(bundle) = Bundle::from_json(data) else { return };
    assert_eq!(again(&bundle), bundle);

    let dek = Dek::from_bytes(stranger(data));
    let key = DomainKey::from_bytes(stranger(dek.expose()));
    let unsigned = Bundle { publisher: None, signature: None, ..bundle.clone() };
    let anyone = unsigned.verify(Trust::AllowUnsigned).unwrap();
    assert!(strangers().iter().all(|key| anyone.open_with_buyer_key(key).is_err()), "opened for a stranger");
    assert!(
        anyone.open_with_domain_key(&key).is_err() && anyone.open(&dek).is_err(),
        "opened for a stranger"
    );

    let signer = SigningKey::from_bytes(&[7; 32]);
    let public = signer.verifying_key();
    assert!(bundle.verify(Trust::Publisher(&public)).is_err(), "another publisher's signature counts");
    let mut signed = bundle.clone();
    if signed.sign(&signer).is_ok() {
        assert!(again(&signed).verify(Trust::Publisher(&public)).is_ok(), "signed, but not after its way");
    }

    // What opens it is added to whatever it says.
    let mut sealed = unsigned;
    sealed.encrypted_data = Some(Vec::new());
    let made = Bundle::seal_with(sealed.plugin_id.clone(), b"wasm", &dek, &mut Counting::default()).unwrap();
    (sealed.encrypted_data, sealed.wasm_hash) = (made.encrypted_data, made.wasm_hash);
    sealed.domain_wrapped_keys.push(key.wrap(&dek, &mut Counting::default()).unwrap());
    let [.., buyer] = strangers() else { return };
    sealed.add_buyer(&dek, &buyer.recipient(), &mut Counting::default()).unwrap();
    let sealed = again(&sealed);
    let verified = sealed.verify(Trust::AllowUnsigned).unwrap();
    assert_eq!(*verified.open_with_domain_key(&key).unwrap(), b"wasm");
    assert_eq!(*verified.open_with_buyer_key(buyer).unwrap(), b"wasm");
    assert!(matches!(sealed.domain_version(), DomainVersion::V1 { .. } | DomainVersion::V2 { .. }));
});

fn again(bundle: &Bundle) -> Bundle {
    Bundle::from_json(bundle.to_json().unwrap().as_bytes()).unwrap()
}
