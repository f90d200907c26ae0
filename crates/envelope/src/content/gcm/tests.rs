use super::{IV, TAG, native, pure};
use crate::Dek;

const SIZES: [usize; 12] = [0, 1, 15, 16, 17, 127, 128, 129, 4096, 65_535, 65_536, 1_000_003];

#[test]
fn both_backends_seal_to_the_same_bytes_and_open_each_others() {
    for size in SIZES {
        let (dek, iv) = key(size);
        let [mut ours, mut theirs] = [plain(size), plain(size)];
        let [our_tag, their_tag] =
            [pure::seal(&dek, &iv, &mut ours).unwrap(), native::seal(&dek, &iv, &mut theirs).unwrap()];
        assert!(ours == theirs && our_tag == their_tag, "{size} bytes");

        ours.extend(our_tag);
        theirs.extend(their_tag);
        pure::open(&dek, &iv, &mut theirs).unwrap();
        native::open(&dek, &iv, &mut ours).unwrap();
        assert!(ours[..size] == plain(size) && theirs[..size] == plain(size), "{size} bytes");
    }
}

#[test]
fn both_backends_refuse_any_changed_byte() {
    let (dek, iv) = key(7);
    let mut sealed = plain(40);
    let tag = pure::seal(&dek, &iv, &mut sealed).unwrap();
    sealed.extend(tag);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(native::open(&dek, &iv, &mut changed.clone()).is_none(), "byte {at}");
        assert!(pure::open(&dek, &iv, &mut changed).is_none(), "byte {at}");
    }
    for at in 0..IV {
        let mut changed = iv;
        changed[at] ^= 1;
        assert!(native::open(&dek, &changed, &mut sealed.clone()).is_none(), "byte {at} of the IV");
        assert!(pure::open(&dek, &changed, &mut sealed.clone()).is_none(), "byte {at} of the IV");
    }
}

#[test]
fn both_backends_refuse_what_is_shorter_than_a_tag() {
    let (dek, iv) = key(0);
    for size in 0..TAG {
        assert!(pure::open(&dek, &iv, &mut plain(size)).is_none());
        assert!(native::open(&dek, &iv, &mut plain(size)).is_none());
    }
}

fn key(seed: usize) -> (Dek, [u8; IV]) {
    (Dek::from_bytes([seed as u8; 32]), [seed as u8 ^ 0xff; IV])
}

fn plain(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n * 7 + n / 251) as u8).collect()
}
