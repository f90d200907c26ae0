use super::{BLOCK, native, pure};
use crate::Dek;

const SIZES: [usize; 12] = [0, 1, 15, 16, 17, 31, 32, 33, 4095, 4096, 65_537, 1_000_003];
const STEPS: [usize; 8] = [1, 7, 15, 16, 17, 33, 4096, 1_000_003];

#[test]
fn both_backends_seal_to_the_same_bytes_however_they_are_cut() {
    for size in SIZES {
        let (dek, iv) = (Dek::from_bytes([size as u8; 32]), [size as u8 ^ 0xff; BLOCK]);
        let plain: Vec<u8> = (0..size).map(|n| (n * 7 + n / 251) as u8).collect();
        let whole = by_pure(&dek, &iv, &plain, usize::MAX).unwrap();
        assert_eq!(whole.len(), size - size % BLOCK + BLOCK);
        for step in STEPS {
            assert!(by_pure(&dek, &iv, &plain, step).unwrap() == whole, "{size} bytes by {step}");
            assert!(by_native(&dek, &iv, &plain, step).unwrap() == whole, "{size} bytes by {step}");
        }
    }
}

fn by_pure(dek: &Dek, iv: &[u8; BLOCK], plain: &[u8], step: usize) -> Option<Vec<u8>> {
    let mut encryptor = pure::Encryptor::new(dek, iv)?;
    let (mut sealed, mut filled) = (vec![0; plain.len() + BLOCK], 0);
    for part in plain.chunks(step) {
        filled += encryptor.update(part, &mut sealed[filled..])?;
    }
    filled += encryptor.finish(&mut sealed[filled..])?;
    sealed.truncate(filled);
    Some(sealed)
}

fn by_native(dek: &Dek, iv: &[u8; BLOCK], plain: &[u8], step: usize) -> Option<Vec<u8>> {
    let mut encryptor = native::Encryptor::new(dek, iv)?;
    let (mut sealed, mut filled) = (vec![0; plain.len() + BLOCK], 0);
    for part in plain.chunks(step) {
        filled += encryptor.update(part, &mut sealed[filled..])?;
    }
    filled += encryptor.finish(&mut sealed[filled..])?;
    sealed.truncate(filled);
    Some(sealed)
}
