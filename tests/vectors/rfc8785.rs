//! RFC 8785: the test data of its authors, in the library that writes our signed statements, and those statements.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sealpost_envelope::digest;
use serde_json::Value;
use serde_json_canonicalizer::{to_string, to_vec};
use sha2::{Digest, Sha256};

use crate::common::file;

/// How many of the published sequence's hundred million numbers are looked at, and the hash its authors give for them.
const NUMBERS: usize = 100_000;
const NUMBERS_SHA256: &str = "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7";

#[test]
fn documents_come_out_as_published() {
    for name in ["arrays", "french", "structures", "unicode", "values", "weird"] {
        let input: Value = serde_json::from_slice(&file(&format!("rfc8785/input/{name}.json"))).unwrap();
        let expected = file(&format!("rfc8785/output/{name}.json"));
        assert_eq!(String::from_utf8(to_vec(&input).unwrap()), String::from_utf8(expected), "{name}");
    }
}

#[test]
fn numbers_are_written_as_ecmascript_writes_them() {
    let mut hash = Sha256::new();
    for number in Sequence::new().take(NUMBERS) {
        hash.update(format!("{:x},{}\n", number.to_bits(), to_string(&number).unwrap()));
    }
    assert_eq!(hex::encode(hash.finalize()), NUMBERS_SHA256);
}

#[test]
fn what_json_has_no_number_for_is_refused() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(to_string(&number).is_err(), "{number}");
    }
}

#[test]
fn our_signed_statements_are_canonical() {
    let vectors: Value = serde_json::from_slice(&file("statements.json")).unwrap();
    for name in ["key_set", "manifest"] {
        let mut parts = vectors[name].as_str().unwrap().split('.');
        for part in [parts.next(), parts.next()] {
            let signed = BASE64_URL_SAFE_NO_PAD.decode(part.unwrap()).unwrap();
            let parsed: Value = serde_json::from_slice(&signed).unwrap();
            assert_eq!(to_vec(&parsed).unwrap(), signed, "{name}");
        }
    }
}

/// The numbers of the published file: a list of edge cases, the smallest normal numbers, and what a chain of SHA-256
/// gives.
struct Sequence {
    listed: std::vec::IntoIter<u64>,
    block: [u8; 32],
    at: usize,
}

impl Sequence {
    fn new() -> Self {
        let edge_cases = String::from_utf8(file("rfc8785/numbers.txt")).unwrap();
        let mut listed: Vec<_> =
            edge_cases.lines().map(|line| u64::from_str_radix(line, 16).unwrap()).collect();
        listed.extend((0..2000).map(|n| (1 << 52) + n));
        Self { listed: listed.into_iter(), block: [0; 32], at: 32 }
    }

    fn next_hashed(&mut self) -> f64 {
        if self.at == self.block.len() {
            self.block = digest::sha256(&self.block);
            self.at = 0;
        }
        let bytes = self.block[self.at..][..8].try_into().unwrap();
        self.at += 8;
        f64::from_le_bytes(bytes)
    }
}

impl Iterator for Sequence {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        if let Some(bits) = self.listed.next() {
            return Some(f64::from_bits(bits));
        }
        loop {
            let number = self.next_hashed();
            if number != 0.0 && number.is_finite() {
                return Some(number);
            }
        }
    }
}
