//! The plugin interface, ABI 1: the functions a host calls.
//!
//! A host writes into the memory that `malloc` gave, and names it by its address. Every such piece is kept in a table, so an
//! address is looked up and never dereferenced: there is no `unsafe` block here. What is left of unsafe code is the
//! attribute that gives a function its plain name in the module.
#![expect(
    unsafe_code,
    reason = "an export needs its plain name; two of the same name in one program would be unsound"
)]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{InsightError, preview, stats};

static MEMORY: Mutex<Memory> = Mutex::new(Memory { pieces: BTreeMap::new(), error: String::new() });

/// Pieces of memory by their address.
struct Memory {
    pieces: BTreeMap<u32, Vec<u8>>,
    /// Why the last function failed.
    error: String,
}

/// Takes `len` bytes; 0 when there are none left.
#[unsafe(no_mangle)]
extern "C" fn malloc(len: u32) -> u32 {
    let mut piece = Vec::new();
    // One byte at least: pieces without any would all have the same address.
    if piece.try_reserve_exact((len as usize).max(1)).is_err() {
        return 0;
    }
    piece.resize(len as usize, 0);
    memory().keep(piece)
}

/// Gives back what `malloc` or a function gave. Any other address is ignored.
#[unsafe(no_mangle)]
extern "C" fn free(address: u32) {
    memory().pieces.remove(&address);
}

/// `stats(gcode: bytes) -> json`
#[unsafe(export_name = "stats")]
extern "C" fn stats_export(address: u32, len: u32) -> u64 {
    answer(address, len, |gcode| {
        let stats = stats(gcode)?;
        // It holds numbers and texts alone, which JSON has.
        serde_json::to_vec(&stats).map_err(|_| InsightError::OutOfMemory)
    })
}

/// `preview(gcode: bytes, width: i32, height: i32) -> bytes`
#[unsafe(export_name = "preview")]
extern "C" fn preview_export(address: u32, len: u32, width: i32, height: i32) -> u64 {
    answer(address, len, |gcode| preview(gcode, width, height))
}

/// Why the last function failed, as text; 0 when none has.
#[unsafe(no_mangle)]
extern "C" fn last_error() -> u64 {
    let mut memory = memory();
    if memory.error.is_empty() {
        return 0;
    }
    let text = memory.error.clone().into_bytes();
    memory.give(text)
}

fn answer(address: u32, len: u32, work: impl FnOnce(&[u8]) -> Result<Vec<u8>, InsightError>) -> u64 {
    let mut memory = memory();
    let input = memory.pieces.get(&address).and_then(|piece| piece.get(..len as usize));
    match input.ok_or(InsightError::ForeignMemory).and_then(work) {
        Ok(bytes) => {
            memory.error.clear();
            memory.give(bytes)
        }
        Err(error) => {
            memory.error = error.to_string();
            0
        }
    }
}

fn memory() -> MutexGuard<'static, Memory> {
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    fn keep(&mut self, mut piece: Vec<u8>) -> u32 {
        // Whatever is written there from outside is seen here: that is what an exposed address promises.
        let address = piece.as_mut_ptr().expose_provenance() as u32;
        self.pieces.insert(address, piece);
        address
    }

    /// A result as the interface has it: the address above, the length below.
    fn give(&mut self, mut bytes: Vec<u8>) -> u64 {
        let len = bytes.len() as u64;
        // As in `malloc`: without a byte it would have no address of its own.
        if bytes.capacity() == 0 {
            bytes.reserve_exact(1);
        }
        u64::from(self.keep(bytes)) << 32 | len
    }
}
