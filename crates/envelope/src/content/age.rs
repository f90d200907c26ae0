//! Binary age v1 files (<https://c2sp.org/age>) with exactly one X25519 stanza, whose identity is the content key.
//!
//! Any age tool opens them when it is given the key as `AGE-SECRET-KEY-1…`. The writer of the age library adds one
//! stanza of nonsense (`…-grease`) that every reader has to skip. Nonsense by that name is skipped here too; anything
//! beyond that is refused, so that a blob cannot be addressed to somebody else as well.

use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write};

use age::{
    Decryptor, Encryptor,
    stream::{StreamReader, StreamWriter},
    x25519,
};
use age_core::format::{FileKey, Stanza};
use bech32::{Bech32, Hrp};
use zeroize::Zeroizing;

use super::{ContentCipher, ContentError};
use crate::Dek;

const SECRET_PREFIX: Hrp = Hrp::parse_unchecked("AGE-SECRET-KEY-");
/// The prefix, `1`, 32 bytes by five bits a letter, and a checksum of six.
const IDENTITY_LEN: usize = 15 + 1 + 52 + 6;
const STANZA: &str = "X25519";
const GREASE: &str = "grease";
/// One X25519 stanza and one of grease have about 500 bytes. Reads of the payload are longer and go past a buffer of
/// this size without a copy.
const HEADER_LIMIT: usize = 4096;
/// Plaintext bytes of every chunk but the last.
pub(super) const CHUNK: usize = 64 << 10;

/// The content key as age tools take it: `AGE-SECRET-KEY-1…`, the identity of an `age` blob
/// (<https://c2sp.org/age#x25519-recipient-stanza>). As secret as the key.
///
/// ```
/// # use sealpost_envelope::{Dek, content};
/// let identity = content::age_identity(&Dek::from_bytes([0x42; 32]))?;
/// assert_eq!(*identity, "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX");
/// # Ok::<(), sealpost_envelope::ContentError>(())
/// ```
pub fn age_identity(dek: &Dek) -> Result<Zeroizing<String>, ContentError> {
    // Room from the start: what grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(IDENTITY_LEN));
    bech32::encode_upper_to_fmt::<Bech32, _>(&mut *text, SECRET_PREFIX, dek.expose())
        .map_err(|_| ContentError::Corrupt)?;
    Ok(text)
}

pub(super) struct AgeSealer<W: Write> {
    stream: StreamWriter<W>,
}

impl<W: Write> AgeSealer<W> {
    pub(super) fn new(dek: &Dek, inner: W) -> Result<Self, ContentError> {
        let recipient = identity(dek)?.to_public();
        let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as _))
            .map_err(|_| ContentError::Corrupt)?;
        Ok(Self { stream: encryptor.wrap_output(inner)? })
    }

    pub(super) fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }

    pub(super) fn finish(self) -> Result<W, ContentError> {
        Ok(self.stream.finish()?)
    }
}

pub(super) struct AgeOpener<R: Read> {
    stream: StreamReader<Source<R>>,
    buffer: Zeroizing<Vec<u8>>,
    at: usize,
    end: usize,
    failed: bool,
}

impl<R: Read> AgeOpener<R> {
    pub(super) fn new(dek: &Dek, inner: R) -> Result<Self, ContentError> {
        let stream = Source::new(inner)?.decrypt(dek)?;
        Ok(Self { stream, buffer: Zeroizing::new(vec![0; CHUNK]), at: 0, end: 0, failed: false })
    }

    pub(super) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.failed {
            return Err(ContentError::Corrupt.into());
        }
        if self.at == self.end {
            let read = self.stream.read(&mut self.buffer).map_err(payload_error);
            self.failed = read.is_err();
            (self.at, self.end) = (0, read?);
        }
        Ok(&self.buffer[self.at..self.end])
    }

    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end && buf.len() >= CHUNK && !self.failed {
            return self.stream.read(buf).map_err(payload_error).inspect_err(|_| self.failed = true);
        }
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }

    pub(super) fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.end);
    }
}

/// A file whose header is in memory already, so that a hostile one cannot grow without bound.
pub(super) struct Source<R> {
    header: Cursor<Vec<u8>>,
    inner: BufReader<R>,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Result<Self, ContentError> {
        let mut inner = BufReader::with_capacity(HEADER_LIMIT, inner);
        Ok(Self { header: Cursor::new(read_header(&mut inner)?), inner })
    }

    pub(super) fn header_len(&self) -> u64 {
        self.header.get_ref().len() as u64
    }

    pub(super) fn decrypt(self, dek: &Dek) -> Result<StreamReader<Self>, ContentError> {
        let decryptor = Decryptor::new_buffered(self).map_err(header_error)?;
        let identity = OnlyRecipient(identity(dek)?);
        decryptor.decrypt(std::iter::once(&identity as _)).map_err(header_error)
    }

    fn in_header(&self) -> bool {
        self.header.position() < self.header_len()
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.in_header() { self.header.read(buf) } else { self.inner.read(buf) }
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.in_header() { self.header.fill_buf() } else { self.inner.fill_buf() }
    }

    fn consume(&mut self, amount: usize) {
        if self.in_header() { self.header.consume(amount) } else { self.inner.consume(amount) }
    }
}

/// Positions are those of the file. The age library seeks only after the header.
impl<R: Seek> Seek for Source<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.inner.stream_position()
    }
}

/// An identity that wants to be the only one a file is for.
struct OnlyRecipient(x25519::Identity);

impl age::Identity for OnlyRecipient {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        self.0.unwrap_stanza(stanza)
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        let (mine, others): (Vec<_>, Vec<_>) = stanzas.iter().partition(|stanza| stanza.tag == STANZA);
        match (mine.as_slice(), others.iter().all(|stanza| is_grease(&stanza.tag))) {
            ([stanza], true) => self.unwrap_stanza(stanza),
            _ => Some(Err(age::DecryptError::InvalidHeader)),
        }
    }
}

fn is_grease(tag: &str) -> bool {
    tag.strip_suffix(GREASE).is_some_and(|name| name.is_empty() || name.ends_with('-'))
}

fn identity(dek: &Dek) -> Result<x25519::Identity, ContentError> {
    age_identity(dek)?.parse().map_err(|_| ContentError::Corrupt)
}

/// The header up to and with its MAC line.
fn read_header(inner: &mut impl BufRead) -> Result<Vec<u8>, ContentError> {
    let mut limited = inner.take(HEADER_LIMIT as u64);
    let mut header = Vec::new();
    loop {
        let line_start = header.len();
        limited.read_until(b'\n', &mut header)?;
        if !header[line_start..].ends_with(b"\n") {
            return Err(ContentError::Format { cipher: ContentCipher::Age });
        }
        if header[line_start..].starts_with(b"---") {
            return Ok(header);
        }
    }
}

fn header_error(error: age::DecryptError) -> ContentError {
    match error {
        age::DecryptError::Io(error) => payload_error(error).into(),
        age::DecryptError::InvalidHeader | age::DecryptError::UnknownFormat => {
            ContentError::Format { cipher: ContentCipher::Age }
        }
        _ => ContentError::Corrupt,
    }
}

/// The age library reports damage as `InvalidData` and a missing end as `UnexpectedEof`.
pub(super) fn payload_error(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => ContentError::Corrupt.into(),
        _ => error,
    }
}
