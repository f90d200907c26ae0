//! Wycheproof: key agreement, by our keys on every curve and by every backend.

use sealpost_envelope::ecdh::{Agreement, Backend, Curve, SecretKey};
use sealpost_envelope::x25519;
use wycheproof::{TestResult, ecdh, xdh};

use crate::common::Tally;

#[test]
fn secp256k1_agrees_or_refuses_as_it_must() {
    let taken = weierstrass(Curve::Secp256k1, ecdh::TestName::EcdhSecp256k1);
    assert_eq!(taken, Tally { accepted: 474, refused: 278 });
}

#[test]
fn p256_agrees_or_refuses_as_it_must() {
    let taken = weierstrass(Curve::P256, ecdh::TestName::EcdhSecp256r1);
    assert_eq!(taken, Tally { accepted: 331, refused: 281 });
    let taken = weierstrass(Curve::P256, ecdh::TestName::EcdhSecp256r1Ecpoint);
    assert_eq!(taken, Tally { accepted: 331, refused: 24 });
}

#[test]
fn p384_agrees_or_refuses_as_it_must() {
    let taken = weierstrass(Curve::P384, ecdh::TestName::EcdhSecp384r1);
    assert_eq!(taken, Tally { accepted: 772, refused: 275 });
    let taken = weierstrass(Curve::P384, ecdh::TestName::EcdhSecp384r1Ecpoint);
    assert_eq!(taken, Tally { accepted: 772, refused: 18 });
}

#[test]
fn x25519_agrees_or_refuses_as_it_must() {
    let refusals = [
        xdh::TestFlag::LowOrderPublic,
        xdh::TestFlag::NonCanonicalPublic,
        xdh::TestFlag::PublicKeyTooLong,
        xdh::TestFlag::ZeroSharedSecret,
    ];
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let secret = x25519::Secret::from_bytes(test.private_key.to_vec().try_into().unwrap());
        let printers = <[u8; 32]>::try_from(test.public_key.to_vec())
            .ok()
            .and_then(|public| secret.diffie_hellman(&public).ok())
            .map(|shared| shared.to_vec());
        let mut answers = vec![printers];
        for backend in Backend::ALL {
            let secret = SecretKey::from_bytes_by(*backend, Curve::X25519, &test.private_key).unwrap();
            answers.push(secret.agree(&test.public_key).ok().map(|shared| shared.to_vec()));
        }
        let is_refused = test.flags.iter().any(|flag| refusals.contains(flag));
        let expected = (!is_refused).then(|| test.shared_secret.to_vec());
        for answer in answers {
            assert_eq!(answer, expected, "test {} {:?}", test.tc_id, test.flags);
        }
        if is_refused { tally.refused += 1 } else { tally.accepted += 1 }
    }
    assert_eq!(tally, Tally { accepted: 474, refused: 44 });
}

#[test]
fn both_backends_are_under_test() {
    assert_eq!(Backend::ALL, [Backend::Pure, Backend::Native]);
}

/// What is `valid` agrees, what is `invalid` is refused, and of what is `acceptable` we take the compressed points.
fn weierstrass(curve: Curve, name: ecdh::TestName) -> Tally {
    let set = ecdh::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        for test in &group.tests {
            let public = match group.encoding {
                ecdh::EcdhEncoding::EcPoint => Some(test.public_key.as_slice()),
                ecdh::EcdhEncoding::Asn1 => named_point(curve, &test.public_key),
            };
            let is_taken = test.result == TestResult::Valid
                || (test.result == TestResult::Acceptable
                    && test.flags.contains(&ecdh::TestFlag::CompressedPublic));
            let expected = is_taken.then(|| test.shared_secret.to_vec());
            for backend in Backend::ALL {
                let secret =
                    SecretKey::from_bytes_by(*backend, curve, &scalar(curve, &test.private_key)).unwrap();
                let shared =
                    public.and_then(|public| secret.agree(public).ok()).map(|shared| shared.to_vec());
                assert_eq!(shared, expected, "{backend:?}, test {} {:?}", test.tc_id, test.flags);
            }
            if is_taken { tally.accepted += 1 } else { tally.refused += 1 }
        }
    }
    assert_eq!(tally.accepted + tally.refused, set.number_of_tests);
    tally
}

/// The point of a SubjectPublicKeyInfo (RFC 5480) that names the curve and is plain DER. Nothing here reads ASN.1, so
/// tests of other encodings (`InvalidAsn`, `UnnamedCurve`, `WrongCurve`) end here, refused.
fn named_point(curve: Curve, spki: &[u8]) -> Option<&[u8]> {
    let headers = match curve {
        Curve::Secp256k1 => [
            "3056301006072a8648ce3d020106052b8104000a034200",
            "3036301006072a8648ce3d020106052b8104000a032200",
        ],
        Curve::P256 => [
            "3059301306072a8648ce3d020106082a8648ce3d030107034200",
            "3039301306072a8648ce3d020106082a8648ce3d030107032200",
        ],
        _ => [
            "3076301006072a8648ce3d020106052b81040022036200",
            "3046301006072a8648ce3d020106052b81040022033200",
        ],
    };
    let points = [2 * curve.public_len() - 1, curve.public_len()];
    headers.iter().zip(points).find_map(|(header, len)| {
        let point = spki.strip_prefix(hex::decode(header).unwrap().as_slice())?;
        (point.len() == len).then_some(point)
    })
}

/// A scalar written as an ASN.1 integer, in as many bytes as the curve has.
fn scalar(curve: Curve, integer: &[u8]) -> Vec<u8> {
    let digits = integer.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &integer[first..]);
    let mut bytes = vec![0; curve.secret_len() - digits.len()];
    bytes.extend_from_slice(digits);
    bytes
}
