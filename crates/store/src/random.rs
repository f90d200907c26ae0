//! The system's randomness.

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::fault::{Fault, Result};

/// The system's generator; a system without randomness ends the request with a panic.
pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// So many random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Fault::internal)?;
    Ok(bytes)
}
