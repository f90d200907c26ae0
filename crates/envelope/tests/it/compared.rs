//! Secrets are compared in constant time, or not at all.

use std::marker::PhantomData;

use sealpost_envelope::{
    Dek, PrinterSecret, SecretText,
    challenge::Challenge,
    domain::{DomainKey, DomainSecret},
    ecdh::SecretKey,
    psek::Psek,
    x25519,
};

/// Those that compare, and where it is written how.
const IN_CONSTANT_TIME: [(&str, &str); 3] = [
    ("Dek", include_str!("../../src/dek.rs")),
    ("DomainKey", include_str!("../../src/domain.rs")),
    ("SecretKey", include_str!("../../src/ecdh/secret_key.rs")),
];

macro_rules! comparing {
    ($($secret:ty),* $(,)?) => {
        [$((stringify!($secret), Probe::<$secret>::COMPARES)),*]
            .into_iter()
            .filter_map(|(name, compares)| compares.then_some(name))
            .collect::<Vec<_>>()
    };
}

#[test]
fn only_secrets_that_compare_in_constant_time_compare() {
    let comparing = comparing!(
        Challenge,
        Dek,
        DomainKey,
        DomainSecret,
        PrinterSecret,
        Psek,
        SecretKey,
        SecretText,
        x25519::Secret,
    );
    assert_eq!(comparing, IN_CONSTANT_TIME.map(|(name, _)| name));

    for (name, source) in IN_CONSTANT_TIME {
        let (_, comparison) = source.split_once(&format!("impl PartialEq for {name} {{")).unwrap();
        let (comparison, _) = comparison.split_once("\n}").unwrap();
        assert!(comparison.contains(".ct_eq("), "{name}");
    }
}

#[test]
fn a_type_that_compares_is_told_from_one_that_does_not() {
    assert_eq!(comparing!(String, Probe<String>), ["String"]);
}

/// The constant of the type itself is found before that of the trait, where `T` compares.
struct Probe<T>(PhantomData<T>);

impl<T: PartialEq> Probe<T> {
    const COMPARES: bool = true;
}

trait DoesNotCompare {
    const COMPARES: bool = false;
}

impl<T> DoesNotCompare for Probe<T> {}
