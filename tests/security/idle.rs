//! Connections that nothing is said on: which of them end, and that nobody notices.

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use sealpost_api::purchase::Payment;
use sealpost_tests::person::{PASSWORD, client};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::raw::{PATIENCE, connect, read_all};
use crate::world::{LISTING, World};

const SHORT: &str = "header_timeout_s = 1\n";

/// Until a connection whose request was answered just now has been closed for its silence, and so has every one that was
/// silent before.
async fn silence(world: &World) -> Result<()> {
    let mut stream = connect(&world.store.url).await?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    // The first byte of the answer, and then whatever comes until the end.
    stream.read_u8().await?;
    let rest = read_all(&mut stream).await?;
    anyhow::ensure!(!rest.contains("HTTP/1.1"), "a silent connection was told something: {rest}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_after_a_silence_arrives() -> Result<()> {
    let world = World::new(SHORT).await?;
    let one = client()?;
    let login = json!({"email": world.buyer.email, "password": PASSWORD});
    for _ in 0..3 {
        let answer = one.post(format!("{}/auth/login", world.store.url)).json(&login).send().await?;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.bytes().await?;
        silence(&world).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_that_listens_is_not_silent() -> Result<()> {
    let world = World::new(SHORT).await?;
    let asked = |path| world.request(Method::GET, path, &world.strange_printer.token);
    let mut events = asked("/api/printer-agent/events")?.send().await?.error_for_status()?;
    let poll = tokio::spawn(asked("/api/poll-print-queue?wait=25")?.send());
    silence(&world).await?;
    silence(&world).await?;

    let licence = world.stranger.buy(LISTING, Payment::Free).await?;
    let job = world.stranger.print(&licence.id, &world.strange_printer.id).await?;
    let offered = poll.await??.text().await?;
    assert!(offered.contains(&job.id), "{offered}");
    // Everybody is told to ask at the beginning; and now again.
    let mut heard = String::new();
    while heard.matches("event: jobs").count() < 2 {
        let Some(piece) = timeout(PATIENCE, events.chunk()).await.context("no event came")?? else {
            bail!("the stream ended after: {heard}");
        };
        heard.push_str(&String::from_utf8_lossy(&piece));
    }
    Ok(())
}
