use std::fs::File;
use std::os::unix::fs::FileExt;

use super::{MOVED, Plain};

#[test]
fn bytes_come_back_in_order_however_it_grew() {
    let bytes: Vec<u8> = (0..3 * MOVED).map(|n| (n * 7 + n / 251) as u8).collect();
    for step in [1000, 65_537, MOVED, 3 * MOVED] {
        let mut plain = Plain::default();
        for part in bytes.chunks(step) {
            plain.extend(part);
        }
        assert!(plain.as_slice() == bytes, "by {step}");
    }
}

#[test]
fn what_was_consumed_or_cut_off_is_gone() {
    let mut plain = Plain::behind(2, vec![1, 2, 3, 4, 5, 6]);
    plain.consume(1);
    assert_eq!(
        (plain.bytes.as_slice(), plain.as_slice()),
        ([1, 2, 0, 4, 5, 6].as_slice(), [4, 5, 6].as_slice())
    );
    plain.truncate(2);
    assert_eq!((plain.bytes.capacity(), plain.as_slice()), (6, [4, 5].as_slice()));
    plain.bytes.resize(6, 0);
    assert_eq!(plain.bytes, [1, 2, 0, 4, 5, 0]);
    plain.consume(usize::MAX);
    assert_eq!((plain.bytes.as_slice(), plain.len()), ([1, 2, 0, 0, 0, 0].as_slice(), 0));
}

#[test]
fn a_head_is_not_given_away() {
    let mut plain = Plain::behind(2, vec![1, 2, 3, 4, 5, 6]);
    plain.consume(1);
    assert_eq!(*plain.take(), [4, 5, 6]);
}

#[test]
fn nothing_is_left_where_it_was_before_it_grew_nor_where_it_was_dropped() {
    let mut after = vec![0xff; 20_000];
    let mut plain = Plain::default();
    plain.extend(&[7; 20_000]);
    let before = plain.bytes.as_ptr().addr();
    plain.extend(&[7; 20_000]);
    let grown = plain.bytes.as_ptr().addr();
    assert_ne!(before, grown);
    read_memory(before, &mut after);
    assert!(is_erased(&after));

    read_memory(grown, &mut after);
    assert!(!is_erased(&after));
    drop(plain);
    read_memory(grown, &mut after);
    assert!(is_erased(&after));
}

/// But for what an allocator notes in memory it got back.
fn is_erased(bytes: &[u8]) -> bool {
    bytes[64..].iter().all(|byte| *byte == 0)
}

fn read_memory(at: usize, bytes: &mut [u8]) {
    File::open("/proc/self/mem").unwrap().read_exact_at(bytes, at as u64).unwrap();
}
