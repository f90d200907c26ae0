//! Ciphers that authenticate the file as a whole: nothing is handed out before all of it verified.

use std::io::{self, Read};

use zeroize::{Zeroize, Zeroizing};

use super::ContentError;
use crate::Dek;

/// Most bytes a blob of a whole-file cipher may have: 64 MiB.
pub const WHOLE_LIMIT: usize = 64 << 20;

/// Opens a whole blob in place: gives the plaintext back.
pub(super) type OpenWhole = fn(&Dek, Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, ContentError>;

pub(super) struct WholeOpener<R> {
    state: State<R>,
}

enum State<R> {
    Sealed { dek: Dek, open: OpenWhole, inner: R },
    Open { plain: Zeroizing<Vec<u8>>, at: usize },
    Failed,
}

impl<R: Read> WholeOpener<R> {
    pub(super) fn new(dek: &Dek, open: OpenWhole, inner: R) -> Self {
        Self { state: State::Sealed { dek: dek.clone(), open, inner } }
    }

    pub(super) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if matches!(self.state, State::Sealed { .. })
            && let State::Sealed { dek, open, inner } = std::mem::replace(&mut self.state, State::Failed)
        {
            let plain = open(&dek, read_limited(inner)?)?;
            self.state = State::Open { plain, at: 0 };
        }
        match &self.state {
            State::Open { plain, at } => Ok(&plain[*at..]),
            State::Sealed { .. } | State::Failed => Err(ContentError::Corrupt.into()),
        }
    }

    pub(super) fn consume(&mut self, amount: usize) {
        if let State::Open { plain, at } = &mut self.state {
            let end = (*at + amount).min(plain.len());
            plain[*at..end].zeroize();
            *at = end;
        }
    }
}

fn read_limited(inner: impl Read) -> Result<Zeroizing<Vec<u8>>, ContentError> {
    let mut bytes = Zeroizing::new(Vec::new());
    inner.take(WHOLE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > WHOLE_LIMIT {
        return Err(ContentError::TooLarge);
    }
    Ok(bytes)
}
