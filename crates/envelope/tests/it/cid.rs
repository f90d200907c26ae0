//! CIDs are those that IPFS gives.

use proptest::prelude::*;
use sealpost_envelope::cid::{self, CidHasher};

use crate::common::{plain, text, vectors};

#[test]
fn cids_are_those_of_another_library() {
    let vectors = vectors("cid.json");
    let cases = vectors.as_array().unwrap();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let size = case["plain_size"].as_u64().unwrap();
        assert_eq!(cid::of(&plain(size as usize)), text(case, "cid"), "{size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn pieces_of_any_size_amount_to_the_same_cid(size in 0..800_000usize, cuts in prop::collection::vec(1..400_000usize, 0..8)) {
        let whole = plain(size);
        let (mut hasher, mut rest) = (CidHasher::default(), whole.as_slice());
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            hasher.update(piece);
            rest = after;
        }
        hasher.update(rest);
        prop_assert_eq!(hasher.finish(), cid::of(&whole));
    }
}
