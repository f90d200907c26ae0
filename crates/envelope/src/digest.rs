//! SHA-256 and size of what passes through, counted while it streams.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text::{decimal, lower_hex};

/// What a stream amounted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// SHA-256 of all bytes; lower hex in JSON.
    #[serde(with = "lower_hex")]
    pub sha256: [u8; 32],
    /// Number of bytes; a decimal string in JSON.
    #[serde(with = "decimal")]
    pub size: u64,
}

impl Digest {
    /// Of bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: sha256(bytes), size: bytes.len() as u64 }
    }

    /// Lower hex of the hash.
    pub fn hex(&self) -> String {
        hex::encode(self.sha256)
    }
}

/// SHA-256 of bytes at hand.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower hex SHA-256 of bytes at hand.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(sha256(bytes))
}

/// Hashes what is written through it.
#[derive(Debug)]
pub struct Sha256Writer<W> {
    inner: W,
    tally: Tally,
}

impl<W> Sha256Writer<W> {
    /// Passes everything on to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, tally: Tally::default() }
    }

    /// Bytes passed on so far.
    pub fn size(&self) -> u64 {
        self.tally.size
    }

    /// The writer, and the digest of what went through.
    pub fn finish(self) -> (W, Digest) {
        (self.inner, self.tally.finish())
    }
}

impl<W: Write> Write for Sha256Writer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buf)?;
        self.tally.add(&buf[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hashes what is read through it.
#[derive(Debug)]
pub struct Sha256Reader<R> {
    inner: R,
    tally: Tally,
}

impl<R> Sha256Reader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, tally: Tally::default() }
    }

    /// Bytes read so far.
    pub fn size(&self) -> u64 {
        self.tally.size
    }

    /// The reader, and the digest of what went through. It covers only what was read: read to the end first.
    pub fn finish(self) -> (R, Digest) {
        (self.inner, self.tally.finish())
    }
}

impl<R: Read> Read for Sha256Reader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.tally.add(&buf[..read]);
        Ok(read)
    }
}

#[derive(Debug, Default)]
struct Tally {
    hash: Sha256,
    size: u64,
}

impl Tally {
    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn finish(self) -> Digest {
        Digest { sha256: self.hash.finalize().into(), size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_stream_agree_with_the_whole() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let mut reader = Sha256Reader::new(bytes.as_slice());
        let mut writer = Sha256Writer::new(Vec::new());
        io::copy(&mut reader, &mut writer).unwrap();

        let (written, write_digest) = writer.finish();
        assert_eq!(written, bytes);
        assert_eq!(write_digest, Digest::of(&bytes));
        assert_eq!(reader.finish().1, write_digest);
    }

    #[test]
    fn the_hash_of_abc_is_that_of_fips_180() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), expected);
    }
}
