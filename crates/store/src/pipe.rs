//! Bytes between async code and threads that compute: a few pieces at a time, with an end that differs from a break.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use futures::Stream;
use tokio::sync::mpsc;

/// Pieces under way at the same time.
const UNDER_WAY: usize = 4;
/// Size of the pieces a thread makes.
const PIECE: usize = 256 << 10;

enum Piece {
    Data(Bytes),
    End,
}

/// The sending end: without [`Feed::end`] or [`PipeWriter::finish`], the other end sees a break.
pub(crate) struct Feed(mpsc::Sender<Piece>);

/// The receiving end, as a stream; ends with an error when the sender broke off.
pub struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    ended: bool,
}

/// The receiving end for a thread.
pub(crate) struct PipeReader {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    ended: bool,
}

/// The sending end for a thread.
pub(crate) struct PipeWriter {
    feed: mpsc::Sender<Piece>,
    buffer: BytesMut,
}

/// From async code to a thread.
pub(crate) fn to_thread() -> (Feed, PipeReader) {
    let (sender, pieces) = mpsc::channel(UNDER_WAY);
    (Feed(sender), PipeReader { pieces, current: Bytes::new(), ended: false })
}

/// From a thread to async code.
pub(crate) fn from_thread() -> (PipeWriter, Pieces) {
    let (feed, pieces) = mpsc::channel(UNDER_WAY);
    (PipeWriter { feed, buffer: BytesMut::with_capacity(PIECE) }, Pieces { pieces, ended: false })
}

/// From async code to async code.
pub(crate) fn direct() -> (Feed, Pieces) {
    let (sender, pieces) = mpsc::channel(UNDER_WAY);
    (Feed(sender), Pieces { pieces, ended: false })
}

impl Feed {
    /// Sends a piece; `false` when nobody takes it any more.
    pub(crate) async fn send(&self, piece: Bytes) -> bool {
        self.0.send(Piece::Data(piece)).await.is_ok()
    }

    /// Says that this was all.
    pub(crate) async fn end(self) -> bool {
        self.0.send(Piece::End).await.is_ok()
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.pieces.poll_recv(context).map(|piece| match piece {
            Some(Piece::Data(data)) => Some(Ok(data)),
            Some(Piece::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(io::ErrorKind::UnexpectedEof.into()))
            }
        })
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

impl PipeReader {
    /// The next piece as it came; `None` at the end.
    pub(crate) fn piece(&mut self) -> io::Result<Option<Bytes>> {
        if self.current.has_remaining() {
            return Ok(Some(std::mem::take(&mut self.current)));
        }
        if self.ended {
            return Ok(None);
        }
        match self.pieces.blocking_recv() {
            Some(Piece::Data(data)) => Ok(Some(data)),
            Some(Piece::End) => {
                self.ended = true;
                Ok(None)
            }
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Read for PipeReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !self.current.has_remaining() {
            match self.piece()? {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let taken = buf.len().min(self.current.len());
        self.current.copy_to_slice(&mut buf[..taken]);
        Ok(taken)
    }
}

impl PipeWriter {
    /// Sends the rest and says that this was all.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.feed.blocking_send(Piece::End).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PipeWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(PIECE)).freeze();
        self.feed.blocking_send(Piece::Data(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
