//! Files on their way through the ciphers: read in pieces, computed on a thread of its own, never whole in memory.

use std::io::{self, Read, Write};

use futures::{Stream, StreamExt};
use sealpost_envelope::{ContentCipher, ContentError, Dek, Digest, Opener, Sealer, Sha256Writer};
use sealpost_gcode::{Report, Scanner};
use sha2::Digest as _;

use crate::blobs::BlobError;
use crate::fault::{Fault, Result};
use crate::pipe::{self, Feed, PipeReader, PipeWriter};
use crate::random;
use crate::state::AppState;

/// Bytes opened at once.
const STEP: usize = 64 << 10;

/// A blob as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) cipher: ContentCipher,
    pub(crate) iv: Option<[u8; 16]>,
    pub(crate) blob: Digest,
}

/// What was seen of the file itself.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) plain: Digest,
    pub(crate) report: Report,
}

/// Where and how a blob lies.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) cipher: ContentCipher,
    pub(crate) iv: Option<[u8; 16]>,
}

/// Why a thread stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The other end of a pipe is gone; it knows why.
    Broken,
    /// It is no G-code.
    Refused(Box<sealpost_gcode::Refusal>),
    /// The blob does not open.
    Content(ContentError),
}

/// Seals what arrives and looks at it on the way.
pub(crate) fn seal_plain(
    mut reader: PipeReader,
    writer: PipeWriter,
    dek: &Dek,
    cipher: ContentCipher,
) -> Result<(Written, Seen), Stopped> {
    let mut sealer = Sealer::new(cipher, dek, &mut random::rng(), Sha256Writer::new(writer))?;
    let iv = sealer.iv();
    let mut look = Look::default();
    while let Some(piece) = reader.piece()? {
        look.at(&piece)?;
        sealer.write_all(&piece)?;
    }
    let seen = look.finish()?;
    let (writer, blob) = sealer.finish()?.finish();
    writer.finish()?;
    Ok((Written { cipher, iv, blob }, seen))
}

/// Opens what arrives and looks at it.
pub(crate) fn open_sealed(
    reader: PipeReader,
    dek: &Dek,
    cipher: ContentCipher,
    iv: Option<[u8; 16]>,
) -> Result<Seen, Stopped> {
    let mut opener = Opener::new(cipher, dek, iv, reader)?;
    let mut look = Look::default();
    each_step(&mut opener, |step| look.at(step))?;
    look.finish()
}

/// Opens what arrives under one key and seals it under another; the digest is that of the file itself.
pub(crate) fn seal_anew(
    reader: PipeReader,
    from: &Source,
    old: &Dek,
    writer: PipeWriter,
    cipher: ContentCipher,
    new: &Dek,
) -> Result<(Written, Digest), Stopped> {
    let mut opener = Opener::new(from.cipher, old, from.iv, reader)?;
    let mut sealer = Sealer::new(cipher, new, &mut random::rng(), Sha256Writer::new(writer))?;
    let iv = sealer.iv();
    let (mut hash, mut size) = (sha2::Sha256::new(), 0);
    each_step(&mut opener, |step| {
        hash.update(step);
        size += step.len() as u64;
        Ok(sealer.write_all(step)?)
    })?;
    let (writer, blob) = sealer.finish()?.finish();
    writer.finish()?;
    let plain = Digest { sha256: hash.finalize().into(), size };
    Ok((Written { cipher, iv, blob }, plain))
}

/// Sends a stream into a pipe until either end has enough.
pub(crate) async fn pump<E>(
    mut stream: impl Stream<Item = Result<bytes::Bytes, E>> + Unpin,
    feed: Feed,
) -> Result<(), E> {
    while let Some(piece) = stream.next().await {
        if !feed.send(piece?).await {
            return Ok(());
        }
    }
    feed.end().await;
    Ok(())
}

/// Reads a stored blob into `work` on a thread.
pub(crate) async fn read_blob<T: Send + 'static>(
    state: &AppState,
    source: &Source,
    work: impl FnOnce(PipeReader) -> Result<T, Stopped> + Send + 'static,
) -> Result<Result<T, Stopped>> {
    let stream = state.blobs.read(&source.name, 0..source.size).await?;
    let (feed, reader) = pipe::to_thread();
    let thread = tokio::task::spawn_blocking(move || work(reader));
    let pumped: Result<(), BlobError> = pump(stream, feed).await;
    let outcome = thread.await.map_err(Fault::internal)?;
    pumped?;
    Ok(outcome)
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        match ContentError::from(error) {
            ContentError::Io(_) => Self::Broken,
            other => Self::Content(other),
        }
    }
}

impl From<ContentError> for Stopped {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Io(_) => Self::Broken,
            other => Self::Content(other),
        }
    }
}

struct Look {
    scanner: Scanner,
    hash: sha2::Sha256,
    size: u64,
}

impl Default for Look {
    fn default() -> Self {
        Self { scanner: Scanner::new(None), hash: sha2::Sha256::new(), size: 0 }
    }
}

impl Look {
    fn at(&mut self, piece: &[u8]) -> Result<(), Stopped> {
        self.hash.update(piece);
        self.size += piece.len() as u64;
        self.scanner.update(piece);
        match self.scanner.refusal() {
            Some(refusal) => Err(Stopped::Refused(Box::new(refusal.clone()))),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Seen, Stopped> {
        let report = self.scanner.finish();
        report.check().map_err(|refusal| Stopped::Refused(Box::new(refusal)))?;
        Ok(Seen { plain: Digest { sha256: self.hash.finalize().into(), size: self.size }, report })
    }
}

fn each_step(
    reader: &mut impl Read,
    mut take: impl FnMut(&[u8]) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    let mut step = zeroize::Zeroizing::new(vec![0; STEP]);
    loop {
        match reader.read(&mut step)? {
            0 => return Ok(()),
            read => take(&step[..read])?,
        }
    }
}
