//! AES-256-CBC (SP 800-38A) with PKCS#7 padding, many blocks a call. The arithmetic is pure Rust; with the feature
//! `native` AWS-LC seals, to the same bytes. It opens no faster.
//!
//! Nothing here is authenticated: the caller checks blob and package against the job manifest before, and the
//! plaintext hash after.

#[cfg(feature = "native")]
mod native;
#[cfg(any(test, not(feature = "native")))]
mod pure;
#[cfg(all(test, feature = "native"))]
mod tests;

use std::io::{self, Read, Write};

use aes::Aes256;
use cbc::cipher::{Array, BlockModeDecrypt, KeyIvInit, typenum::U16};
use zeroize::{Zeroize, Zeroizing};

#[cfg(feature = "native")]
use self::native::Encryptor;
#[cfg(not(feature = "native"))]
use self::pure::Encryptor;
use super::ContentError;
use crate::Dek;

const BLOCK: usize = 16;
/// Fits the second-level cache of small boards.
const BUFFER: usize = 256 << 10;

pub(super) struct CbcSealer<W> {
    encryptor: Encryptor,
    /// Sealed bytes not written yet are `sealed[..filled]`. Plaintext is encrypted from where the caller has it.
    sealed: Vec<u8>,
    filled: usize,
    inner: W,
}

impl<W: Write> CbcSealer<W> {
    pub(super) fn new(dek: &Dek, iv: &[u8; BLOCK], inner: W) -> Result<Self, ContentError> {
        let encryptor = Encryptor::new(dek, iv).ok_or_else(refused)?;
        Ok(Self { encryptor, sealed: vec![0; BUFFER + BLOCK], filled: 0, inner })
    }

    pub(super) fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let taken = buf.len().min(BUFFER - self.filled);
        self.filled +=
            self.encryptor.update(&buf[..taken], &mut self.sealed[self.filled..]).ok_or_else(refused)?;
        if self.filled >= BUFFER {
            self.inner.write_all(&self.sealed[..self.filled])?;
            self.filled = 0;
        }
        Ok(taken)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    pub(super) fn finish(mut self) -> Result<W, ContentError> {
        self.filled += self.encryptor.finish(&mut self.sealed[self.filled..]).ok_or_else(refused)?;
        self.inner.write_all(&self.sealed[..self.filled])?;
        Ok(self.inner)
    }
}

pub(super) struct CbcOpener<R> {
    cipher: cbc::Decryptor<Aes256>,
    buffer: Zeroizing<Vec<u8>>,
    /// Plaintext not handed out yet is `buffer[at..plain_end]`.
    at: usize,
    plain_end: usize,
    /// The last block read is held back, sealed, after the plaintext: it may turn out to be the padding.
    held: bool,
    state: State,
    inner: R,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
    Failed,
}

impl<R: Read> CbcOpener<R> {
    pub(super) fn new(dek: &Dek, iv: &[u8; 16], inner: R) -> Self {
        Self {
            cipher: cbc::Decryptor::new(dek.expose().into(), iv.into()),
            buffer: Zeroizing::new(vec![0; BUFFER]),
            at: 0,
            plain_end: 0,
            held: false,
            state: State::Reading,
            inner,
        }
    }

    pub(super) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.plain_end && self.state == State::Reading {
            self.refill().inspect_err(|_| self.state = State::Failed)?;
        }
        if self.state == State::Failed {
            return Err(ContentError::Corrupt.into());
        }
        Ok(&self.buffer[self.at..self.plain_end])
    }

    pub(super) fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.plain_end);
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut filled = 0;
        if self.held {
            self.buffer.copy_within(BUFFER - BLOCK.., 0);
            filled = BLOCK;
        }
        (self.at, self.plain_end) = (0, 0);
        while filled < BUFFER {
            match self.inner.read(&mut self.buffer[filled..]) {
                Ok(0) => return self.open_last(filled),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.held = true;
        self.plain_end = BUFFER - BLOCK;
        self.cipher.decrypt_blocks(blocks(&mut self.buffer[..BUFFER - BLOCK]));
        Ok(())
    }

    fn open_last(&mut self, filled: usize) -> io::Result<()> {
        if filled == 0 || !filled.is_multiple_of(BLOCK) {
            return Err(ContentError::Corrupt.into());
        }
        self.cipher.decrypt_blocks(blocks(&mut self.buffer[..filled]));
        let Some(plain_end) = unpad(&self.buffer[..filled]) else {
            self.buffer.zeroize();
            return Err(ContentError::Corrupt.into());
        };
        self.plain_end = plain_end;
        self.state = State::Ended;
        Ok(())
    }
}

fn blocks(bytes: &mut [u8]) -> &mut [Array<u8, U16>] {
    Array::slice_as_chunks_mut(bytes).0
}

/// Where the plaintext ends, in time that does not depend on the padding bytes.
fn unpad(bytes: &[u8]) -> Option<usize> {
    let (_, last) = bytes.split_last_chunk::<BLOCK>()?;
    let padding = last[BLOCK - 1];
    let mut wrong = u8::from(padding == 0) | u8::from(usize::from(padding) > BLOCK);
    for (index, byte) in last.iter().rev().enumerate() {
        wrong |= u8::from(index < usize::from(padding)) & u8::from(*byte != padding);
    }
    (wrong == 0).then(|| bytes.len() - usize::from(padding))
}

/// A library has no reason to refuse a key and an IV of the right size but that it found no memory.
fn refused() -> io::Error {
    io::ErrorKind::OutOfMemory.into()
}
