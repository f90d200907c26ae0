use std::{
    fmt,
    io::{self, BufRead, Read, Seek, SeekFrom},
};

use age::stream::StreamReader;
use zeroize::Zeroizing;

use super::{
    ContentError,
    age::{CHUNK, Source, payload_error},
};
use crate::Dek;

const NONCE: u64 = 16;
const TAG: u64 = 16;
const SEALED_CHUNK: u64 = CHUNK as u64 + TAG;

/// Reads the plaintext of an `age` blob at any position.
///
/// Opening one reads the header and authenticates the last chunk, and with it the length: a blob that was cut short or
/// has something after its end is refused before anything is handed out. The other chunks are authenticated where
/// they are read, each before any of it is handed out, so damage elsewhere goes unnoticed until it is reached.
///
/// Errors are [`io::Error`]s that carry a [`ContentError`], as those of [`Opener`](super::Opener) do; after one, every
/// further read fails too. A position beyond the end can be sought, and reads nothing. Memory: about 200 KiB.
pub struct SeekableOpener<R: Read> {
    stream: StreamReader<Source<R>>,
    len: u64,
    position: u64,
    chunk: Zeroizing<Vec<u8>>,
    /// Which chunk that is.
    loaded: Option<u64>,
    failed: bool,
}

impl<R: Read + Seek> SeekableOpener<R> {
    /// Takes the blob from the reader's position to its end.
    pub fn new(dek: &Dek, mut inner: R) -> Result<Self, ContentError> {
        let start = inner.stream_position()?;
        let size = inner.seek(SeekFrom::End(0))?.saturating_sub(start);
        inner.seek(SeekFrom::Start(start))?;
        let source = Source::new(inner)?;
        let payload = size.saturating_sub(source.header_len() + NONCE);
        let stream = source.decrypt(dek)?;

        let len = plain_len(payload).ok_or(ContentError::Corrupt)?;
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK));
        let mut opener = Self { stream, len, position: 0, chunk, loaded: None, failed: false };
        opener.authenticate_end()?;
        Ok(opener)
    }

    /// Bytes of plaintext.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no plaintext.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn authenticate_end(&mut self) -> io::Result<()> {
        self.load(self.len.saturating_sub(1) / CHUNK as u64)?;
        match self.stream.read(&mut [0]).map_err(payload_error)? {
            0 => Ok(()),
            _ => Err(ContentError::Corrupt.into()),
        }
    }

    /// The age library reads up to a position inside a chunk through memory that it does not erase, so it is only ever
    /// sent to the start of one.
    fn load(&mut self, index: u64) -> io::Result<()> {
        let start = index * CHUNK as u64;
        let len = (self.len - start).min(CHUNK as u64) as usize;
        self.loaded = None;
        self.stream.seek(SeekFrom::Start(start)).map_err(payload_error)?;
        self.chunk.resize(len, 0);
        self.stream.read_exact(&mut self.chunk).map_err(payload_error)?;
        self.loaded = Some(index);
        Ok(())
    }
}

impl<R: Read + Seek> BufRead for SeekableOpener<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.failed {
            return Err(ContentError::Corrupt.into());
        }
        if self.position >= self.len {
            return Ok(&[]);
        }
        let index = self.position / CHUNK as u64;
        if self.loaded != Some(index) {
            self.load(index).inspect_err(|_| self.failed = true)?;
        }
        Ok(&self.chunk[(self.position % CHUNK as u64) as usize..])
    }

    fn consume(&mut self, amount: usize) {
        self.position = (self.position + amount as u64).min(self.len.max(self.position));
    }
}

impl<R: Read + Seek> Read for SeekableOpener<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read + Seek> Seek for SeekableOpener<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.position = position.ok_or_else(before_start)?;
        Ok(self.position)
    }
}

impl<R: Read> fmt::Debug for SeekableOpener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeekableOpener([redacted])")
    }
}

/// `None` when no file has a payload of that size: chunks are full but for the last, which is empty only if it is the
/// only one.
fn plain_len(payload: u64) -> Option<u64> {
    let chunks = payload.div_ceil(SEALED_CHUNK);
    let full = chunks.checked_sub(1)?;
    let last = (payload - full * SEALED_CHUNK).checked_sub(TAG)?;
    (last > 0 || full == 0).then_some(full * CHUNK as u64 + last)
}

fn before_start() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "there is nothing before the start of a file")
}
