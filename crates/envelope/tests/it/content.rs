//! What holds for every file that is sealed and opened.

use std::io::{self, BufRead, Read, Write};

use crate::common::{bytes, open, plain, rng, text, vectors};
use proptest::prelude::*;
use sealpost_envelope::{ContentCipher, ContentError, Dek, Digest, ErrorCode, Opener, Sealer};

const STREAMED: [ContentCipher; 2] = [ContentCipher::Age, ContentCipher::Aes256Cbc];
const SEALED_BY_US: [ContentCipher; 3] =
    [ContentCipher::Age, ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm];
/// Around cipher blocks, age chunks and the CBC buffer, whose last block is held back.
const INTERESTING_SIZES: [usize; 16] = [
    0,
    1,
    15,
    16,
    17,
    4095,
    65_535,
    65_536,
    65_537,
    262_127,
    262_128,
    262_129,
    262_143,
    262_144,
    262_145,
    1 << 20,
];

#[test]
fn every_interesting_size_comes_back() {
    for cipher in SEALED_BY_US {
        for size in INTERESTING_SIZES {
            let (dek, iv, blob) = seal(cipher, &plain(size));
            assert!(open(cipher, &dek, iv, &blob).unwrap() == plain(size), "{cipher}, {size} bytes");
        }
    }
}

#[test]
fn a_blob_cut_anywhere_near_a_boundary_is_refused() {
    for cipher in STREAMED {
        for size in [1, 100, 65_536, 262_144] {
            let (dek, iv, blob) = seal(cipher, &plain(size));
            let near_end = blob.len().saturating_sub(40)..blob.len();
            for cut in near_end.chain([0, 1, 16, blob.len() / 2]) {
                if cipher == ContentCipher::Aes256Cbc && cut > 0 && cut % 16 == 0 {
                    continue;
                }
                assert!(open(cipher, &dek, iv, &blob[..cut]).is_err(), "{cipher}, {cut} of {}", blob.len());
            }
        }
    }
}

/// CBC cannot tell a cut between blocks from the end except by its padding; this file's blocks do not look like any.
#[test]
fn a_cbc_blob_cut_between_blocks_ends_in_wrong_padding() {
    let (dek, iv, blob) = seal(ContentCipher::Aes256Cbc, &plain(1000));
    for cut in (16..blob.len()).step_by(16) {
        let refused = open(ContentCipher::Aes256Cbc, &dek, iv, &blob[..cut]).unwrap_err();
        assert_eq!(refused.code(), "blob_corrupt");
    }
}

#[test]
fn a_changed_character_of_a_fernet_token_is_refused() {
    for case in vectors("fernet.json").as_array().unwrap() {
        let dek = Dek::from_bytes(bytes(case, "dek"));
        let token = text(case, "token").as_bytes();
        for (at, other) in (0..token.len()).flat_map(|at| b"A_=+.~\xff".iter().map(move |other| (at, *other)))
        {
            let mut changed = token.to_vec();
            changed[at] = other;
            let refused = open(ContentCipher::Fernet, &dek, None, &changed).is_err();
            assert!(refused || changed == token, "{} at {at}", other as char);
        }
    }
}

#[test]
fn bytes_after_the_end_of_an_age_file_are_refused() {
    let (dek, iv, mut blob) = seal(ContentCipher::Age, &plain(100));
    blob.push(0);
    assert!(open(ContentCipher::Age, &dek, iv, &blob).is_err());
}

#[test]
fn an_age_header_without_end_is_refused_before_it_fills_the_memory() {
    let head = b"age-encryption.org/v1\n".iter().copied();
    let endless = head.chain(b"-> X 1\nAAAA\n".iter().copied().cycle());
    let refused =
        Opener::new(ContentCipher::Age, &Dek::from_bytes([1; 32]), None, Endless(endless)).unwrap_err();
    assert_eq!(refused.code(), "blob_format");
}

#[test]
fn an_age_header_that_stops_after_a_line_is_refused() {
    for head in ["\n", "age-encryption.org/v1\n", "age-encryption.org/v1\n-> X25519 AAAA\nAAAA\n"] {
        let dek = Dek::from_bytes([1; 32]);
        let refused = Opener::new(ContentCipher::Age, &dek, None, head.as_bytes()).unwrap_err();
        assert_eq!(refused.code(), "blob_format", "{head:?}");
    }
}

#[test]
fn a_whole_file_cipher_refuses_more_than_it_may_hold() {
    let dek = Dek::from_bytes([1; 32]);
    let mut opener =
        Opener::new(ContentCipher::Aes256Gcm, &dek, None, Endless(std::iter::repeat(0x41))).unwrap();
    let refused: ContentError = opener.read(&mut [0; 16]).unwrap_err().into();
    assert_eq!(refused.code(), "blob_too_large");
}

#[test]
fn the_iv_is_demanded_where_it_belongs_and_refused_elsewhere() {
    let dek = Dek::from_bytes([1; 32]);
    let missing = Opener::new(ContentCipher::Aes256Cbc, &dek, None, io::empty()).unwrap_err();
    assert_eq!(missing.code(), "blob_iv_missing");
    let unexpected = Opener::new(ContentCipher::Age, &dek, Some([0; 16]), io::empty()).unwrap_err();
    assert_eq!(unexpected.code(), "blob_iv_unexpected");
}

#[test]
fn sealers_and_openers_can_be_sent_to_a_worker_thread() {
    fn assert_send<T: Send>() {}
    assert_send::<Sealer<Vec<u8>>>();
    assert_send::<Opener<&[u8]>>();
}

#[test]
fn a_failed_blob_stays_failed() {
    for cipher in SEALED_BY_US {
        let (dek, iv, mut blob) = seal(cipher, &plain(300_000));
        blob.truncate(blob.len() - 5);
        let mut opener = Opener::new(cipher, &dek, iv, blob.as_slice()).unwrap();
        assert!(io::copy(&mut opener, &mut io::sink()).is_err());
        assert!(opener.fill_buf().is_err(), "{cipher}");
        assert!(opener.read(&mut [0; 16]).is_err(), "{cipher}");
    }
}

#[test]
fn read_errors_of_the_source_come_through_as_they_are() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    for cipher in SEALED_BY_US {
        let (dek, iv, blob) = seal(cipher, &plain(200_000));
        let mut opener = Opener::new(cipher, &dek, iv, blob[..100_000].chain(Broken)).unwrap();
        let error = io::copy(&mut opener, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{cipher}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_come_back_however_they_are_cut(
        bytes in proptest::collection::vec(any::<u8>(), 0..200_000),
        write_step in 1usize..70_000,
        read_step in 1usize..70_000,
    ) {
        for cipher in SEALED_BY_US {
            let dek = Dek::generate(&mut rng());
            let mut sealer = Sealer::new(cipher, &dek, &mut rng(), Vec::new()).unwrap();
            for part in bytes.chunks(write_step) {
                sealer.write_all(part).unwrap();
            }
            let iv = sealer.iv();
            let blob = sealer.finish().unwrap();

            let mut opener = Opener::new(cipher, &dek, iv, Dripping(&blob, read_step)).unwrap();
            let mut opened = Vec::new();
            opener.read_to_end(&mut opened).unwrap();
            prop_assert!(opened == bytes, "{}", cipher);
        }
    }

    #[test]
    fn a_flipped_bit_in_an_authenticated_blob_is_refused(
        size in 0usize..150_000,
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        for cipher in [ContentCipher::Age, ContentCipher::Aes256Gcm] {
            let (dek, iv, mut blob) = seal(cipher, &plain(size));
            let at = at.index(blob.len());
            blob[at] ^= 1 << bit;
            prop_assert!(open(cipher, &dek, iv, &blob).is_err(), "{}: bit {} of byte {}", cipher, bit, at);
        }
    }

    #[test]
    fn a_flipped_bit_in_a_cbc_blob_shows_in_the_hashes_of_blob_and_plaintext(
        size in 0usize..150_000,
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let (dek, iv, mut blob) = seal(ContentCipher::Aes256Cbc, &plain(size));
        let manifested = [Digest::of(&blob), Digest::of(&plain(size))];
        let at = at.index(blob.len());
        blob[at] ^= 1 << bit;
        prop_assert_ne!(Digest::of(&blob), manifested[0]);
        if let Ok(opened) = open(ContentCipher::Aes256Cbc, &dek, iv, &blob) {
            prop_assert_ne!(Digest::of(&opened), manifested[1]);
        }
    }

    #[test]
    fn another_key_opens_nothing(size in 32usize..1000) {
        for cipher in [ContentCipher::Age, ContentCipher::Aes256Gcm] {
            let (_, iv, blob) = seal(cipher, &plain(size));
            prop_assert!(open(cipher, &Dek::generate(&mut rng()), iv, &blob).is_err());
        }
    }

    #[test]
    fn nonsense_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let dek = Dek::from_bytes([1; 32]);
        for cipher in [ContentCipher::Age, ContentCipher::Aes256Gcm, ContentCipher::Fernet] {
            prop_assert!(open(cipher, &dek, None, &bytes).is_err());
        }
        let _ = open(ContentCipher::Aes256Cbc, &dek, Some([0; 16]), &bytes);
    }
}

fn seal(cipher: ContentCipher, plain: &[u8]) -> (Dek, Option<[u8; 16]>, Vec<u8>) {
    let dek = Dek::generate(&mut rng());
    let mut sealer = Sealer::new(cipher, &dek, &mut rng(), Vec::new()).unwrap();
    sealer.write_all(plain).unwrap();
    let iv = sealer.iv();
    (dek, iv, sealer.finish().unwrap())
}

/// Gives at most so many bytes a call.
struct Dripping<'a>(&'a [u8], usize);

impl Read for Dripping<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let step = self.1.min(buf.len());
        self.0.read(&mut buf[..step])
    }
}

struct Endless<I>(I);

impl<I: Iterator<Item = u8>> Read for Endless<I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(buf.iter_mut().zip(&mut self.0).map(|(to, from)| *to = from).count())
    }
}
