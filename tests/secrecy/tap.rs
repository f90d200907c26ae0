//! A tap on a line: passes bytes on as they are and keeps a copy of each.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A running tap; ends with the runtime of its test.
#[derive(Clone, Debug)]
pub(crate) struct Tap {
    /// Where it listens.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    to: Mutex<Option<SocketAddr>>,
    talks: Mutex<Vec<Talk>>,
}

/// What both ends of one connection said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Talk {
    /// By who connected.
    pub(crate) asked: Vec<u8>,
    /// By who listened.
    pub(crate) answered: Vec<u8>,
}

impl Tap {
    /// Starts one that leads nowhere yet.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let tap = Self { url: format!("http://{}", listener.local_addr()?), shared: Arc::default() };
        let shared = Arc::clone(&tap.shared);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, Arc::clone(&shared)));
            }
        });
        Ok(tap)
    }

    /// Names the port of loopback behind it.
    pub(crate) fn lead_to(&self, port: u16) {
        *lock(&self.shared.to) = Some(SocketAddr::from(([127, 0, 0, 1], port)));
    }

    /// Everything said so far.
    pub(crate) fn heard(&self) -> Vec<Talk> {
        lock(&self.shared.talks).clone()
    }
}

impl Talk {
    /// What was asked, with the frames of a websocket unmasked behind it.
    pub(crate) fn asked_in_clear(&self) -> Vec<u8> {
        let mut clear = self.asked.clone();
        if let Some(head) = memmem::find(&self.asked, b"\r\n\r\n")
            && memmem::find(&self.asked[..head].to_ascii_lowercase(), b"upgrade: websocket").is_some()
        {
            clear.extend(unmasked(&self.asked[head + 4..]));
        }
        clear
    }
}

async fn pass(near: TcpStream, shared: Arc<Shared>) -> Result<()> {
    let Some(to) = *lock(&shared.to) else { return Ok(()) };
    let far = TcpStream::connect(to).await?;
    let number = {
        let mut talks = lock(&shared.talks);
        talks.push(Talk::default());
        talks.len() - 1
    };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let up = copy(near_read, far_write, |bytes| lock(&shared.talks)[number].asked.extend_from_slice(bytes));
    let down =
        copy(far_read, near_write, |bytes| lock(&shared.talks)[number].answered.extend_from_slice(bytes));
    let _ = tokio::join!(up, down);
    Ok(())
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    keep: impl Fn(&[u8]),
) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        keep(&buffer[..read]);
        if read == 0 {
            to.shutdown().await?;
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}

/// Payloads of masked frames (RFC 6455, section 5.2), one behind the other.
fn unmasked(mut frames: &[u8]) -> Vec<u8> {
    let mut clear = Vec::new();
    while let Some((payload, rest)) = frame(frames) {
        clear.extend(payload);
        frames = rest;
    }
    clear
}

fn frame(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let second = *bytes.get(1)?;
    let (length, at) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let (mask, at) = match second & 0x80 {
        0 => (&[0; 4][..], at),
        _ => (bytes.get(at..at + 4)?, at + 4),
    };
    let payload = bytes.get(at..at.checked_add(length)?)?;
    let clear = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Some((clear, &bytes[at + length..]))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn masked_frames_are_read() {
    let mask = [1, 2, 3, 4];
    let masked = b"canary".iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let mut asked = b"GET /websocket HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x86\x01\x02\x03\x04".to_vec();
    asked.extend(masked);
    let talk = Talk { asked, answered: Vec::new() };
    assert!(talk.asked_in_clear().ends_with(b"canary"));
    assert!(!talk.asked.ends_with(b"canary"));
}
