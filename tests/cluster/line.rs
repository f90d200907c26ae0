//! The line before a store is as bad as it is told to be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::routing::{get, post};
use sealpost_tests::person::client;
use sealpost_tests::proxy::{Line, Loss, Proxy};
use tokio::net::TcpListener;

const PAGE: usize = 40_000;

/// A server that counts what it was asked to do.
async fn server() -> Result<(String, Arc<AtomicUsize>)> {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let page = get(|| async { "x".repeat(PAGE) });
    let act = post(move || async move { count.fetch_add(1, Ordering::SeqCst).to_string() });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/page", page).route("/act", act);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url, done))
}

async fn before(store: &str) -> Result<Proxy> {
    let proxy = Proxy::start().await?;
    proxy.lead_to(store);
    Ok(proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_request_is_not_done_and_a_lost_answer_is() -> Result<()> {
    let (store, done) = server().await?;
    let proxy = before(&store).await?;
    let http = client()?;
    let act = || http.post(format!("{}/act", proxy.url)).send();
    ensure!(act().await?.text().await? == "0");

    let met = proxy.lose("POST /act", Loss::Unheard);
    ensure!(act().await.is_err(), "it was answered");
    met.wait().await?;
    ensure!(done.load(Ordering::SeqCst) == 1, "the store heard of it");

    let met = proxy.lose("POST /act", Loss::Unanswered);
    ensure!(act().await.is_err(), "it was answered");
    met.wait().await?;
    ensure!(done.load(Ordering::SeqCst) == 2, "the store did not hear of it");
    // Only once.
    ensure!(act().await?.text().await? == "2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_arrives_and_the_rest_never_or_late() -> Result<()> {
    let (store, _) = server().await?;
    let proxy = before(&store).await?;
    let http = client()?;
    for loss in [Loss::Torn, Loss::Half] {
        let met = proxy.lose("/page", loss);
        let mut answer = http.get(format!("{}/page", proxy.url)).send().await?;
        ensure!(answer.status() == 200 && answer.content_length() == Some(PAGE as u64));
        let mut got = 0;
        while got < PAGE / 2 {
            got += answer.chunk().await?.context("it ended")?.len();
        }
        met.wait().await?;
        ensure!(got == PAGE / 2, "{got}");
        if loss == Loss::Torn {
            ensure!(answer.chunk().await.is_err(), "the connection was not reset");
        } else {
            proxy.line(Line::Open);
            while let Some(chunk) = answer.chunk().await? {
                got += chunk.len();
            }
            ensure!(got == PAGE, "{got}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_answers_nobody_until_the_line_is_open() -> Result<()> {
    let (store, done) = server().await?;
    let proxy = before(&store).await?;
    let http = client()?;
    proxy.line(Line::BlackHole);
    let url = format!("{}/act", proxy.url);
    let asked = tokio::spawn(async move { http.post(url).send().await?.text().await });
    // Others are not in it: what stands still is this line alone.
    ensure!(client()?.get(format!("{store}/page")).send().await?.status() == 200);
    ensure!(proxy.seen().is_empty() && done.load(Ordering::SeqCst) == 0 && !asked.is_finished());
    proxy.line(Line::Open);
    ensure!(asked.await?? == "0");
    ensure!(proxy.wait_for_request("POST /act", 0).await? == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_line_resets_what_is_open_and_what_is_new() -> Result<()> {
    let (store, _) = server().await?;
    let proxy = before(&store).await?;
    let http = client()?;
    let met = proxy.lose("/page", Loss::Half);
    let mut answer = http.get(format!("{}/page", proxy.url)).send().await?;
    met.wait().await?;
    proxy.line(Line::Dead);
    let mut last = answer.chunk().await;
    while matches!(last, Ok(Some(_))) {
        last = answer.chunk().await;
    }
    ensure!(last.is_err(), "it ended well");
    ensure!(http.get(format!("{}/page", proxy.url)).send().await.is_err());
    proxy.line(Line::Open);
    ensure!(http.get(format!("{}/page", proxy.url)).send().await?.status() == 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_is_no_faster_than_it_says() -> Result<()> {
    let (store, _) = server().await?;
    let proxy = before(&store).await?;
    let http = client()?;
    proxy.line(Line::Slow { bytes_per_second: 80_000 });
    let begin = Instant::now();
    ensure!(http.get(format!("{}/page", proxy.url)).send().await?.bytes().await?.len() == PAGE);
    // A bound that waiting sets, and that no busy machine can break.
    ensure!(begin.elapsed() >= Duration::from_millis(450), "{:?}", begin.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_process_is_gone_the_next_one_is_asked() -> Result<()> {
    let (first, done) = server().await?;
    let (second, also) = server().await?;
    // Nobody listens there.
    let gone = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?;
    let proxy = Proxy::start().await?;
    proxy.lead_to_all(vec![first, format!("http://{gone}"), second]);
    let http = client()?;
    for _ in 0..6 {
        ensure!(http.post(format!("{}/act", proxy.url)).send().await?.status() == 200);
    }
    let (first, second) = (done.load(Ordering::SeqCst), also.load(Ordering::SeqCst));
    ensure!(first == 2 && second == 4, "{first} and {second}");
    Ok(())
}
