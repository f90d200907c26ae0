//! The functions that a page calls.
#![expect(
    unsafe_code,
    reason = "an export needs its plain name; two of the same name in one program would be unsound"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use sealpost_gcode::Scanner;

use crate::Reading;

static WORK: Mutex<Work> = Mutex::new(Work { scanner: None, piece: Vec::new() });

struct Work {
    scanner: Option<Scanner>,
    /// What the page writes, and at the end what it reads.
    piece: Vec<u8>,
}

/// Starts a file.
#[unsafe(no_mangle)]
extern "C" fn begin() {
    let mut work = work();
    work.scanner = Some(Scanner::new(None));
    work.piece.clear();
}

/// Where `len` bytes can be written to; 0 when there is no room.
#[unsafe(no_mangle)]
extern "C" fn room(len: u32) -> u32 {
    let mut work = work();
    work.piece.clear();
    if work.piece.try_reserve(len as usize).is_err() {
        return 0;
    }
    work.piece.resize(len as usize, 0);
    // Whatever is written there from outside is seen here: that is what an exposed address promises.
    work.piece.as_mut_ptr().expose_provenance() as u32
}

/// Reads the first `len` bytes of the piece.
#[unsafe(no_mangle)]
extern "C" fn feed(len: u32) {
    let Work { scanner, piece } = &mut *work();
    if let (Some(scanner), Some(bytes)) = (scanner, piece.get(..len as usize)) {
        scanner.update(bytes);
    }
}

/// Ends the file: address and length of what is told of it.
#[unsafe(no_mangle)]
extern "C" fn finish() -> u64 {
    let mut work = work();
    let report = work.scanner.take().unwrap_or_else(|| Scanner::new(None)).finish();
    // It holds numbers and texts alone, which JSON has.
    work.piece = serde_json::to_vec(&Reading::of(&report)).unwrap_or_default();
    let address = work.piece.as_mut_ptr().expose_provenance() as u64;
    address << 32 | work.piece.len() as u64
}

fn work() -> MutexGuard<'static, Work> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}
