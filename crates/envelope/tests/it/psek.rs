//! Packages of legacy stores, as another library makes them.

use sealpost_envelope::psek::{self, KeyPackage, Psek, PsekError};

use crate::common::{bytes, text, vectors};

#[test]
fn packages_of_another_library_open() {
    let vectors = vectors("psek.json");
    for case in vectors["good"].as_array().unwrap() {
        let package = text(case, "package");
        assert_eq!(KeyPackage::of(package), KeyPackage::Psek(package));
        let dek = psek::unwrap(package, &Psek::from_bytes(bytes(case, "psek"))).unwrap();
        assert_eq!(dek.expose(), &bytes::<32>(case, "dek"));
    }
}

#[test]
fn keys_of_another_length_and_wrong_padding_are_refused_with_one_code() {
    let vectors = vectors("psek.json");
    for case in vectors["bad"].as_array().unwrap() {
        let expected = match text(case, "error") {
            "format" => PsekError::Format,
            _ => PsekError::Open,
        };
        let refused = psek::unwrap(text(case, "package"), &Psek::from_bytes(bytes(case, "psek")));
        assert_eq!(refused, Err(expected), "{}", text(case, "why"));
    }
}
