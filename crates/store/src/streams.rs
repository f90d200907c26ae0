//! Files on their way through the ciphers: read in pieces, computed on a thread of its own, never whole in memory.

use std::io::{self, Read, Write};

use futures::{Stream, StreamExt};
use sealpost_envelope::cid::CidHasher;
use sealpost_envelope::{ContentCipher, ContentError, Dek, Digest, Opener, Sealer, Sha256Writer};
use sealpost_faults::pass;
use sealpost_gcode::{Report, Scanner};
use sealpost_market::{FileStart, ListingKind, NotWasm};
use sha2::Digest as _;

use crate::blobs::BlobError;
use crate::fault::{Fault, Result};
use crate::pipe::{self, Feed, PipeReader, PipeWriter};
use crate::state::AppState;
use crate::{points, random};

/// Bytes opened at once.
const STEP: usize = 64 << 10;

/// A blob as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) cipher: ContentCipher,
    pub(crate) iv: Option<[u8; 16]>,
    pub(crate) blob: Digest,
    /// Of a plugin's blob, which is public.
    pub(crate) cid: Option<String>,
}

/// What was seen of the file itself.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) plain: Digest,
    /// Of G-code.
    pub(crate) report: Option<Report>,
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
    /// It is a plugin where G-code is sold.
    Plugin,
    /// It is no plugin.
    NotWasm(NotWasm),
    /// The blob does not open.
    Content(ContentError),
}

/// Seals what arrives and looks at it on the way.
pub(crate) fn seal_plain(
    mut reader: PipeReader,
    writer: PipeWriter,
    dek: &Dek,
    kind: ListingKind,
) -> Result<(Written, Seen), Stopped> {
    let cipher = match kind {
        ListingKind::Gcode => ContentCipher::Age,
        ListingKind::Plugin => ContentCipher::Aes256Gcm,
    };
    let named = Named { inner: writer, cid: (kind == ListingKind::Plugin).then(CidHasher::default) };
    let mut sealer = Sealer::new(cipher, dek, &mut random::rng(), Sha256Writer::new(named))?;
    let iv = sealer.iv();
    let mut look = Look::new(kind);
    while let Some(piece) = reader.piece()? {
        look.at(&piece)?;
        sealer.write_all(&piece)?;
    }
    let seen = look.finish()?;
    let (named, blob) = sealer.finish()?.finish();
    named.inner.finish()?;
    Ok((Written { cipher, iv, blob, cid: named.cid.map(CidHasher::finish) }, seen))
}

/// Opens what arrives and looks at it.
pub(crate) fn open_sealed(
    reader: PipeReader,
    dek: &Dek,
    cipher: ContentCipher,
    iv: Option<[u8; 16]>,
    kind: ListingKind,
) -> Result<Seen, Stopped> {
    let mut opener = Opener::new(cipher, dek, iv, reader)?;
    let mut look = Look::new(kind);
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
        pass(points::SEAL_STEP).map_err(io::Error::from)?;
        hash.update(step);
        size += step.len() as u64;
        Ok(sealer.write_all(step)?)
    })?;
    let (writer, blob) = sealer.finish()?.finish();
    writer.finish()?;
    let plain = Digest { sha256: hash.finalize().into(), size };
    Ok((Written { cipher, iv, blob, cid: None }, plain))
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

/// Names a blob while it is written.
struct Named<W> {
    inner: W,
    cid: Option<CidHasher>,
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        if let Some(cid) = &mut self.cid {
            cid.update(&data[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct Look {
    start: FileStart,
    /// Of G-code.
    scanner: Option<Scanner>,
    hash: sha2::Sha256,
    size: u64,
}

impl Look {
    fn new(kind: ListingKind) -> Self {
        let scanner = match kind {
            ListingKind::Gcode => Some(Scanner::new(None)),
            ListingKind::Plugin => None,
        };
        Self { start: FileStart::default(), scanner, hash: sha2::Sha256::new(), size: 0 }
    }

    fn at(&mut self, piece: &[u8]) -> Result<(), Stopped> {
        self.hash.update(piece);
        self.size += piece.len() as u64;
        self.start.see(piece);
        match &mut self.scanner {
            Some(_) if self.start.is_wasm() => Err(Stopped::Plugin),
            Some(scanner) => {
                scanner.update(piece);
                scanner.refusal().map_or(Ok(()), |refusal| Err(Stopped::Refused(Box::new(refusal.clone()))))
            }
            None if self.start.is_known() => self.start.check().map_err(Stopped::NotWasm),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Seen, Stopped> {
        let plain = Digest { sha256: self.hash.finalize().into(), size: self.size };
        let Some(scanner) = self.scanner else {
            self.start.check().map_err(Stopped::NotWasm)?;
            return Ok(Seen { plain, report: None });
        };
        let report = scanner.finish();
        report.check().map_err(|refusal| Stopped::Refused(Box::new(refusal)))?;
        Ok(Seen { plain, report: Some(report) })
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
