//! Requests as no well-behaved client writes them.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take that is not about time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the store at `url`.
pub(crate) async fn connect(url: &str) -> Result<TcpStream> {
    let address = url.split("//").nth(1).context("no address")?;
    Ok(TcpStream::connect(address).await?)
}

/// Sends bytes as they are and reads until the store closes or `PATIENCE` is over; what was not taken any more is no failure.
pub(crate) async fn exchange(url: &str, request: &[u8]) -> Result<String> {
    let mut stream = connect(url).await?;
    let _ = stream.write_all(request).await;
    read_all(&mut stream).await
}

/// Everything that comes until the end.
pub(crate) async fn read_all(stream: &mut TcpStream) -> Result<String> {
    let mut answer = Vec::new();
    let read = async {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece).await {
            answer.extend_from_slice(&piece[..count]);
        }
    };
    timeout(PATIENCE, read).await.context("the connection stays open")?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The status of an answer, 0 where there is none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
