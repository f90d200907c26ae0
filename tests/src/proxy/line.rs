//! The line before a proxy, and what networks do to bytes: they stop, crawl, come in part, or the connection is reset.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::service::PATIENCE;

/// How a line is, for all that goes over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Everything goes through.
    Open,
    /// Bytes neither come nor go, and nobody is told: they go on when the line is open again.
    BlackHole,
    /// Each connection goes at this rate in each direction.
    Slow {
        /// At least 1.
        bytes_per_second: u32,
    },
    /// Connections are reset, and new ones as soon as they are made.
    Dead,
}

/// What becomes of one request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The connection is reset before the store hears of the request.
    Unheard,
    /// The store takes the request and answers; the connection is reset before a byte of that arrives.
    Unanswered,
    /// Half of the answer's body arrives, then the connection is reset; nothing arrives of an answer without a body.
    Torn,
    /// Half of the answer's body arrives, then nothing for as long as the line is not opened anew.
    Half,
}

/// A loss that was asked for.
#[derive(Debug)]
pub struct Met(oneshot::Receiver<()>);

impl Met {
    /// Waits until it came to pass.
    pub async fn wait(self) -> Result<()> {
        let met = tokio::time::timeout(PATIENCE, self.0).await.context("nobody asked what was to be lost")?;
        met.context("the line is gone")
    }
}

/// Every connection of a proxy.
#[derive(Debug)]
pub(super) struct Wires {
    line: watch::Sender<Line>,
    /// By the port under which the proxy sees them.
    doomed: Mutex<HashMap<u16, Arc<Mutex<Option<Doom>>>>>,
}

/// What becomes of the answer that a connection is about to give.
#[derive(Debug)]
pub(super) struct Doom {
    /// Bytes of the body that still arrive; without them not even its head does.
    body: Option<usize>,
    reset: bool,
    head: Vec<u8>,
    met: Option<oneshot::Sender<()>>,
}

impl Doom {
    pub(super) fn new(loss: Loss, length: usize, met: oneshot::Sender<()>) -> Self {
        let body = match loss {
            Loss::Unheard | Loss::Unanswered => None,
            Loss::Torn | Loss::Half => (length > 0).then_some(length / 2),
        };
        Self { body, reset: loss != Loss::Half, head: Vec::new(), met: Some(met) }
    }

    pub(super) fn promise() -> (oneshot::Sender<()>, Met) {
        let (sender, receiver) = oneshot::channel();
        (sender, Met(receiver))
    }

    /// How many of these bytes arrive; fewer than all where it comes to pass.
    fn admits(&mut self, bytes: &[u8]) -> usize {
        let Some(body) = &mut self.body else { return 0 };
        let before = self.head.len();
        let mut admitted = 0;
        if !self.head.ends_with(b"\r\n\r\n") {
            self.head.extend_from_slice(bytes);
            let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else { return bytes.len() };
            self.head.truncate(end + 4);
            admitted = end + 4 - before;
        }
        let more = (bytes.len() - admitted).min(*body);
        *body -= more;
        admitted + more
    }
}

enum End {
    Closed,
    Reset,
}

impl Wires {
    pub(super) fn new() -> Self {
        Self { line: watch::Sender::new(Line::Open), doomed: Mutex::default() }
    }

    pub(super) fn set(&self, line: Line) {
        // Opened anew counts also where it was open: somebody may wait for the other half of an answer.
        self.line.send_replace(line);
    }

    /// The connection that the proxy sees as `peer` is not to give its next answer as it is.
    pub(super) fn doom(&self, peer: SocketAddr, doom: Doom) {
        if let Some(connection) = lock(&self.doomed).get(&peer.port()) {
            *lock(connection) = Some(doom);
        }
    }

    /// Leads everybody who comes to the proxy at `inner`.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, inner: SocketAddr) {
        while let Ok((client, _)) = listener.accept().await {
            let wires = Arc::clone(&self);
            tokio::spawn(async move {
                // A connection that failed has ended, which tells both sides.
                let _ = wires.lead(client, inner).await;
            });
        }
    }

    async fn lead(&self, mut client: TcpStream, inner: SocketAddr) -> io::Result<()> {
        let mut line = self.line.subscribe();
        if *line.borrow_and_update() == Line::Dead {
            return client.set_zero_linger();
        }
        let mut proxy = TcpStream::connect(inner).await?;
        client.set_nodelay(true)?;
        proxy.set_nodelay(true)?;
        let port = proxy.local_addr()?.port();
        let doom = Arc::new(Mutex::new(None));
        lock(&self.doomed).insert(port, Arc::clone(&doom));
        let end = {
            let (from_client, to_client) = client.split();
            let (from_proxy, to_proxy) = proxy.split();
            tokio::select! {
                end = pump(from_client, to_proxy, self.line.subscribe(), None) => end,
                end = pump(from_proxy, to_client, self.line.subscribe(), Some(&doom)) => end,
                _ = line.wait_for(|line| *line == Line::Dead) => Ok(End::Reset),
            }
        };
        lock(&self.doomed).remove(&port);
        if matches!(end?, End::Reset) {
            client.set_zero_linger()?;
        }
        Ok(())
    }
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut line: watch::Receiver<Line>,
    doom: Option<&Mutex<Option<Doom>>>,
) -> io::Result<End> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            through(&mut line, 0).await;
            return Ok(End::Closed);
        }
        let bytes = &buffer[..read];
        // Told before the answer's first byte was written.
        let admitted = doom.and_then(|doom| lock(doom).as_mut().map(|doom| doom.admits(bytes)));
        let admitted = admitted.unwrap_or(read);
        send(&mut to, &mut line, &bytes[..admitted]).await?;
        if admitted < read {
            let Some(doom) = doom.and_then(|doom| lock(doom).take()) else { continue };
            line.mark_unchanged();
            if let Some(met) = doom.met {
                let _ = met.send(());
            }
            if doom.reset {
                return Ok(End::Reset);
            }
            let _ = line.changed().await;
            send(&mut to, &mut line, &bytes[admitted..]).await?;
        }
    }
}

async fn send(to: &mut WriteHalf<'_>, line: &mut watch::Receiver<Line>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let (now, later) = bytes.split_at(through(line, bytes.len()).await);
        to.write_all(now).await?;
        bytes = later;
    }
    Ok(())
}

/// Waits until some of `wanted` bytes may go, and says how many.
async fn through(line: &mut watch::Receiver<Line>, wanted: usize) -> usize {
    loop {
        let state = *line.borrow_and_update();
        match state {
            Line::Open => return wanted,
            Line::Slow { bytes_per_second } => {
                let rate = bytes_per_second.max(1);
                let some = wanted.min((rate as usize / 10).max(1));
                tokio::time::sleep(Duration::from_secs_f64(some as f64 / f64::from(rate))).await;
                return some;
            }
            // Who leads the connection resets it where the line is dead.
            Line::BlackHole | Line::Dead => {
                if line.changed().await.is_err() {
                    return wanted;
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
