//! Whether a secret is gone from memory when it is dropped: its bytes are read by way of `/proc/self/mem` before and
//! after.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use zeroize::Zeroizing;

/// An allocator writes into the first bytes of what it got back.
const ALLOCATOR_NOTES: usize = 16;

/// For a value that holds its secret itself: looks into its place in a vector, which keeps the place when it is cleared
/// and writes nothing there.
pub(crate) fn is_erased<T>(secret: &[u8], value: T) -> bool {
    let mut values = vec![value];
    let memory = Memory::new(values.as_ptr().addr(), size_of::<T>());
    let places = occurrences(&memory.read(), secret);
    assert!(!places.is_empty(), "the secret is not where it is looked for");

    values.clear();
    let after = memory.read();
    drop(values);
    places.into_iter().all(|place| overwritten(&after[place]))
}

/// For a value that holds its secret in an allocation: looks into that after it was given back.
pub(crate) fn gives_back_erased<T>(mut value: T, secret: fn(&mut T) -> &[u8]) -> bool {
    let held = secret(&mut value);
    let memory = Memory::new(held.as_ptr().addr(), held.len());
    assert!(held.len() > 4 * ALLOCATOR_NOTES && *memory.read() == *held);

    let mut after = vec![0xff; held.len()];
    drop(value);
    memory.read_into(&mut after);
    overwritten(&after[ALLOCATOR_NOTES..])
}

/// By zeros, or by the ones of libsecp256k1, for which zero is no key.
fn overwritten(bytes: &[u8]) -> bool {
    [0, 1].iter().any(|filler| bytes.iter().all(|byte| byte == filler))
}

/// Of the bytes in either order: numbers may be kept least significant byte first.
fn occurrences(memory: &[u8], secret: &[u8]) -> Vec<Range<usize>> {
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    memory
        .windows(secret.len())
        .enumerate()
        .filter(|(_, window)| *window == secret || *window == reversed)
        .map(|(at, window)| at..at + window.len())
        .collect()
}

/// Some of this process's memory, whoever it belongs to.
struct Memory {
    file: File,
    at: u64,
    len: usize,
}

impl Memory {
    fn new(at: usize, len: usize) -> Self {
        Self { file: File::open("/proc/self/mem").unwrap(), at: at as u64, len }
    }

    fn read(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![0; self.len]);
        self.read_into(&mut bytes);
        bytes
    }

    fn read_into(&self, bytes: &mut [u8]) {
        self.file.read_exact_at(bytes, self.at).unwrap();
    }
}
