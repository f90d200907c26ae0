//! `age` files read from anywhere in them.

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom, Write};

use crate::common::{plain, rng};
use proptest::prelude::*;
use sealpost_envelope::{ContentCipher, ContentError, Dek, ErrorCode, Sealer, SeekableOpener};

const CHUNK: usize = 65_536;
const SEALED_CHUNK: usize = CHUNK + 16;
/// Nothing, a byte, and what lies around the ends of chunks.
const INTERESTING_SIZES: [usize; 10] =
    [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK, 200_000];

#[test]
fn every_interesting_position_of_every_interesting_size_reads_what_is_there() {
    for size in INTERESTING_SIZES {
        let (dek, blob) = seal(size);
        let mut opener = SeekableOpener::new(&dek, Cursor::new(&blob)).unwrap();
        assert_eq!(opener.len(), size as u64);
        assert_eq!(opener.is_empty(), size == 0);
        for at in INTERESTING_SIZES {
            let expected = plain(size).split_off(at.min(size));
            assert_eq!(opener.seek(SeekFrom::Start(at as u64)).unwrap(), at as u64);
            assert!(rest(&mut opener).unwrap() == expected, "from {at} of {size}");
        }
    }
}

#[test]
fn positions_count_from_the_start_from_here_and_from_the_end() {
    let (dek, blob) = seal(100_000);
    let mut opener = SeekableOpener::new(&dek, Cursor::new(&blob)).unwrap();
    assert_eq!(opener.seek(SeekFrom::End(-10)).unwrap(), 99_990);
    assert_eq!(rest(&mut opener).unwrap(), plain(100_000)[99_990..]);
    assert_eq!(opener.seek(SeekFrom::Current(-50_000)).unwrap(), 50_000);
    assert_eq!(opener.seek(SeekFrom::Current(20_000)).unwrap(), 70_000);
    assert_eq!(rest(&mut opener).unwrap(), plain(100_000)[70_000..]);
}

#[test]
fn beyond_the_end_there_is_nothing_and_before_the_start_there_is_no_position() {
    let (dek, blob) = seal(CHUNK);
    let mut opener = SeekableOpener::new(&dek, Cursor::new(&blob)).unwrap();
    for beyond in [1, 10_000, CHUNK as i64, 1 << 40] {
        opener.seek(SeekFrom::End(beyond)).unwrap();
        assert_eq!(opener.read(&mut [0; 16]).unwrap(), 0);
    }
    assert!(opener.seek(SeekFrom::End(-(CHUNK as i64) - 1)).is_err());
    opener.rewind().unwrap();
    assert!(rest(&mut opener).unwrap() == plain(CHUNK));
}

#[test]
fn a_file_inside_another_starts_where_the_reader_stands() {
    let (dek, blob) = seal(100_000);
    let mut reader = Cursor::new([b"something else".as_slice(), &blob].concat());
    reader.set_position(14);
    let mut opener = SeekableOpener::new(&dek, reader).unwrap();
    opener.seek(SeekFrom::Start(66_000)).unwrap();
    assert_eq!(rest(&mut opener).unwrap(), plain(100_000)[66_000..]);
}

#[test]
fn the_length_of_a_file_that_was_cut_or_grew_is_not_believed() {
    for size in INTERESTING_SIZES {
        let (dek, blob) = seal(size);
        let near_end = (blob.len().saturating_sub(34)..blob.len()).step_by(3);
        let chunk_ends = (1..=3).filter_map(|n| blob.len().checked_sub(n * SEALED_CHUNK));
        for cut in near_end.chain(chunk_ends).chain([0, 1, 100, blob.len() / 2]) {
            let refused = SeekableOpener::new(&dek, Cursor::new(&blob[..cut])).unwrap_err();
            assert!(
                ["blob_corrupt", "blob_format"].contains(&refused.code()),
                "{cut} of {size}: {refused:?}"
            );
        }
        for extra in [1, 15, 16, 17, SEALED_CHUNK] {
            let longer = [blob.as_slice(), &vec![0; extra]].concat();
            let refused = SeekableOpener::new(&dek, Cursor::new(longer)).unwrap_err();
            assert_eq!(refused.code(), "blob_corrupt", "{extra} bytes after {size}");
        }
    }
}

#[test]
fn damage_is_found_where_it_is_read_and_ends_the_reading() {
    let (dek, mut blob) = seal(4 * CHUNK);
    let second_chunk = blob.len() - 3 * SEALED_CHUNK;
    blob[second_chunk + 100] ^= 1;
    let mut opener = SeekableOpener::new(&dek, Cursor::new(&blob)).unwrap();

    let mut first = vec![0; CHUNK];
    opener.read_exact(&mut first).unwrap();
    assert!(first == plain(CHUNK));
    opener.seek(SeekFrom::Start(2 * CHUNK as u64)).unwrap();
    assert!(rest(&mut opener).unwrap() == plain(4 * CHUNK)[2 * CHUNK..]);

    opener.seek(SeekFrom::Start(2 * CHUNK as u64 - 1)).unwrap();
    let refused: ContentError = opener.read(&mut [0]).unwrap_err().into();
    assert_eq!(refused.code(), "blob_corrupt");
    opener.rewind().unwrap();
    assert!(opener.fill_buf().is_err());
}

#[test]
fn chunks_cannot_change_places() {
    let (dek, mut blob) = seal(4 * CHUNK);
    let first = blob.len() - 4 * SEALED_CHUNK;
    let (one, two) = blob[first..].split_at_mut(SEALED_CHUNK);
    one.swap_with_slice(&mut two[..SEALED_CHUNK]);
    let mut opener = SeekableOpener::new(&dek, Cursor::new(&blob)).unwrap();
    assert!(opener.read(&mut [0]).is_err());
}

#[test]
fn another_key_is_refused_at_once() {
    let (_, blob) = seal(100);
    let refused = SeekableOpener::new(&Dek::from_bytes([1; 32]), Cursor::new(&blob)).unwrap_err();
    assert_eq!(refused.code(), "blob_corrupt");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_walk_reads_slices_of_the_plaintext(
        size in 0usize..300_000,
        steps in proptest::collection::vec((any::<proptest::sample::Index>(), 1usize..100_000), 1..12),
    ) {
        let (dek, blob) = seal(size);
        let mut opener = SeekableOpener::new(&dek, Cursor::new(&blob)).unwrap();
        for (at, len) in steps {
            let at = at.index(size + 1);
            let len = len.min(size - at);
            opener.seek(SeekFrom::Start(at as u64)).unwrap();
            let mut read = vec![0; len];
            opener.read_exact(&mut read).unwrap();
            prop_assert!(read == plain(size)[at..at + len], "{} bytes from {} of {}", len, at, size);
        }
    }

    #[test]
    fn a_flipped_bit_is_refused_where_it_is_read(
        size in 0usize..200_000,
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let (dek, mut blob) = seal(size);
        let at = at.index(blob.len());
        blob[at] ^= 1 << bit;
        let opened = SeekableOpener::new(&dek, Cursor::new(&blob)).map_err(std::io::Error::from);
        prop_assert!(opened.and_then(|mut opener| rest(&mut opener)).is_err(), "bit {} of byte {}", bit, at);
    }
}

fn seal(size: usize) -> (Dek, Vec<u8>) {
    let dek = Dek::generate(&mut rng());
    let mut sealer = Sealer::new(ContentCipher::Age, &dek, &mut rng(), Vec::new()).unwrap();
    sealer.write_all(&plain(size)).unwrap();
    (dek, sealer.finish().unwrap())
}

fn rest(opener: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    opener.read_to_end(&mut bytes)?;
    Ok(bytes)
}
