//! Requests on many kept connections: light, because the server under test shares the processors with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Requests before the first one that counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// Writes the next request of a connection: its number, how many came before, where to.
pub(crate) type Requests = Arc<dyn Fn(usize, u64, &mut Vec<u8>) + Send + Sync>;

/// What to send, where, how often at the same time.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) span: Duration,
    /// Status that every answer must have.
    pub(crate) status: u16,
    pub(crate) requests: Requests,
}

/// How it went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) middle_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Load {
    /// Keeps every connection busy for the span; each has one request under way at a time.
    pub(crate) async fn run(&self) -> Result<Figures> {
        let begin = Instant::now() + WARM_UP;
        let end = begin + self.span;
        let mut connections = JoinSet::new();
        for number in 0..self.connections {
            let load = self.clone();
            connections.spawn(async move { load.one(number, begin, end).await });
        }
        let mut took = Vec::new();
        while let Some(done) = connections.join_next().await {
            took.extend(done??);
        }
        ensure!(!took.is_empty(), "no request was answered in time");
        took.sort_unstable();
        let share = |part: f64| {
            let index = ((took.len() - 1) as f64 * part).round() as usize;
            f64::from(took[index]) / 1e3
        };
        Ok(Figures {
            per_second: took.len() as f64 / self.span.as_secs_f64(),
            middle_ms: share(0.5),
            p99_ms: share(0.99),
        })
    }

    /// Microseconds of each request that ended between `begin` and `end`.
    async fn one(&self, number: usize, begin: Instant, end: Instant) -> Result<Vec<u32>> {
        let mut connection = Connection::open(self.address).await?;
        let (mut took, mut request) = (Vec::new(), Vec::with_capacity(1024));
        for count in 0.. {
            request.clear();
            (self.requests)(number, count, &mut request);
            let sent = Instant::now();
            let status = connection.exchange(&request).await?;
            let now = Instant::now();
            ensure!(status == self.status, "the answer was {status}: {}", connection.said());
            if now >= end {
                break;
            }
            if now >= begin {
                took.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
            }
        }
        Ok(took)
    }
}

/// One kept HTTP/1.1 connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    body: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(32 << 10), body: 0 })
    }

    /// Sends a whole request and reads the whole answer; gives its status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            if let Some(end) = memmem::find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            self.receive().await?;
        };
        let length = content_length(&self.received[..head]).context("an answer without a length")?;
        while self.received.len() < head + length {
            self.receive().await?;
        }
        self.body = head;
        let status = self.received.get(9..12).context("no status")?;
        Ok(str::from_utf8(status)?.parse()?)
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.received[self.body..]
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(self.body()).chars().take(300).collect()
    }

    async fn receive(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.received).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let start = memmem::find(head, NAME)? + NAME.len();
    let digits = head[start..].split(|byte| *byte == b'\r').next()?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// A `GET`.
pub(crate) fn get(path: &str, headers: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: store\r\n{headers}\r\n").as_bytes());
}

/// A `POST` of JSON.
pub(crate) fn post(path: &str, headers: &str, body: &str, into: &mut Vec<u8>) {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: store\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    into.extend_from_slice(head.as_bytes());
    into.extend_from_slice(body.as_bytes());
}
