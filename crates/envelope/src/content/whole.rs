//! Ciphers that authenticate the file as a whole: nothing is handed out before all of it verified.

use std::io::{self, Read};

use super::{ContentError, plain::Plain};
use crate::Dek;

/// Most bytes a blob of a whole-file cipher may have: 64 MiB.
pub const WHOLE_LIMIT: usize = 64 << 20;

/// Reads and opens a whole blob.
pub(super) type OpenWhole<R> = fn(&Dek, R) -> Result<Plain, ContentError>;

pub(super) struct WholeOpener<R> {
    state: State<R>,
}

enum State<R> {
    Sealed { dek: Dek, open: OpenWhole<R>, inner: R },
    Open(Plain),
    Failed,
}

impl<R: Read> WholeOpener<R> {
    pub(super) fn new(dek: &Dek, open: OpenWhole<R>, inner: R) -> Self {
        Self { state: State::Sealed { dek: dek.clone(), open, inner } }
    }

    pub(super) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if matches!(self.state, State::Sealed { .. })
            && let State::Sealed { dek, open, inner } = std::mem::replace(&mut self.state, State::Failed)
        {
            self.state = State::Open(open(&dek, inner)?);
        }
        match &self.state {
            State::Open(plain) => Ok(plain.as_slice()),
            State::Sealed { .. } | State::Failed => Err(ContentError::Corrupt.into()),
        }
    }

    pub(super) fn consume(&mut self, amount: usize) {
        if let State::Open(plain) = &mut self.state {
            plain.consume(amount);
        }
    }
}

/// All there is, in memory of just that size. It is sealed still, so it may be moved while it grows.
pub(super) fn read_limited(inner: impl Read, limit: usize) -> Result<Vec<u8>, ContentError> {
    let mut bytes = Vec::new();
    inner.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(ContentError::TooLarge);
    }
    bytes.shrink_to_fit();
    Ok(bytes)
}
