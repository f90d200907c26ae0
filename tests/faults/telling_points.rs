//! The store dies while it tells people what happened: each webhook and each letter comes all the same, under one id.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use sealpost_api::mail::Mails;
use sealpost_api::webhook::{NewWebhook, Webhook};
use sealpost_tests::clock::Clock;
use sealpost_tests::parts;
use sealpost_tests::person::Person;
use sealpost_tests::store::{Options, Store};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::people;

const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(20);
/// Longer than a killed store keeps others from what it was sending, seconds.
const LEASE_S: i64 = 300;

/// What somebody was told: an id that is the same however often it comes, and what it says.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// How often it comes when the store is killed there.
fn times(point: &str) -> usize {
    match point {
        "store.webhook.sent" | "store.webhook.noted.commit" | "store.mail.sent" => 2,
        _ => 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_the_store_tells_all_the_same_under_the_same_id() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("sealpost-").tempdir()?;
    let (messages, letters) = (Heard::default(), Heard::default());
    let hook = receiver(messages.clone()).await?;
    let smtp = mail_server(letters.clone()).await?;
    let config = format!(
        "sweep_interval_ms = 500\nwebhook_networks = [\"127.0.0.0/8\"]\nwebhook_http = true\n\
         smtp_url = \"smtp://{smtp}\"\nmail_from = \"Store <post@store.example>\"\n"
    );
    let clock = Clock::new(folder.path(), "store");
    let options = Options { config, armed: true, environment: vec![clock.variable()], ..Options::default() };
    let mut store = Store::start(folder.path(), &options)?;
    let (seller, buyer) = (store.operator().await?, store.person("buyer").await?);
    let new = NewWebhook {
        url: format!("http://{hook}/hook"),
        kinds: vec!["purchase.paid".to_owned()],
        ..NewWebhook::default()
    };
    let hook: Webhook = seller.post("/api/v1/webhooks", &new).await?.json().await?;
    let books = rusqlite::Connection::open(store.data.join("store.sqlite"))?;
    books.busy_timeout(PATIENCE)?;
    books.execute("UPDATE accounts SET email_confirmed_at = 1", [])?;
    drop(books);
    at_rest(&seller, &hook.id).await?;

    let part = parts::made(folder.path(), "part.gcode", &["--layers", "2"])?;
    for (place, point) in sealpost_store::points::telling().enumerate() {
        let (listing, log) = (format!("told-{place}"), folder.path().join(format!("{point}.log")));
        store.options.environment = vec![
            ("SEALPOST_FAULTS".to_owned(), format!("{point}=kill")),
            ("SEALPOST_FAULTS_LOG".to_owned(), log.display().to_string()),
            clock.variable(),
        ];
        store.relaunch()?;
        let trading = {
            let (seller, buyer, listing, part) =
                (seller.clone(), buyer.clone(), listing.clone(), part.clone());
            tokio::spawn(async move { people::trade(&seller, &buyer, &listing, &part).await })
        };
        until(point, async || Ok(store.service.has_ended())).await?;
        ensure!(fs::read_to_string(&log)?.contains(&format!("{point} 1 kill")), "{point} was not passed");
        store.options.environment = vec![clock.variable()];
        clock.set(LEASE_S * (i64::try_from(place)? + 1))?;
        store.relaunch()?;
        trading.await??;
        for (what, heard) in [("webhook", &messages), ("mail", &letters)] {
            let expected = if point.starts_with(&format!("store.{what}.")) { times(point) } else { 1 };
            let ids = || about(heard, &listing);
            until(point, async || Ok(ids().len() >= expected))
                .await
                .with_context(|| format!("{what}: {:?}", ids()))?;
            at_rest(&seller, &hook.id).await.with_context(|| point)?;
            let ids = ids();
            ensure!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()), "{point}: {what}: {ids:?}");
            // Killed for the sake of the one, it may have been at the other, too.
            let exact = point.starts_with(&format!("store.{what}."));
            ensure!(ids.len() == expected || (!exact && ids.len() == 2), "{point}: {what}: {ids:?}");
        }
    }
    Ok(())
}

/// The ids of what was told of a listing.
fn about(heard: &Heard, listing: &str) -> Vec<String> {
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    // Titles end in a quote, in JSON and in letters.
    let named = |text: &str| {
        text.contains(&format!("Part {listing}\"")) || text.contains(&format!("Part {listing}”"))
    };
    heard.iter().filter(|(_, text)| named(text)).map(|(id, _)| id.clone()).collect()
}

/// Nothing waits to be told.
async fn at_rest(seller: &Person, hook: &str) -> Result<()> {
    until("rest", async || {
        let hook: Option<Webhook> = people::look(seller, &format!("/api/v1/webhooks/{hook}")).await?;
        let mails: Option<Mails> = people::look(seller, "/api/v1/mails?state=waiting").await?;
        Ok(hook.is_some_and(|hook| hook.waiting == 0) && mails.is_some_and(|mails| mails.waiting == 0))
    })
    .await
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !holds().await? {
        if begin.elapsed() > PATIENCE {
            bail!("{what}: it does not come to an end");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn receiver(heard: Heard) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(hear).with_state(heard);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    heard.lock().unwrap_or_else(PoisonError::into_inner).push((id.to_owned(), text));
}

/// Takes every letter.
async fn mail_server(heard: Heard) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let heard = heard.clone();
            // Whoever is killed hangs up in the middle of it.
            tokio::spawn(async move { take_letters(stream, &heard).await.ok() });
        }
    });
    Ok(address)
}

async fn take_letters(stream: TcpStream, heard: &Heard) -> Result<()> {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    to.write_all(b"220 mail.example ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        if word != "DATA" {
            let answer: &[u8] = if word == "QUIT" { b"221 bye\r\n" } else { b"250 8BITMIME\r\n" };
            to.write_all(answer).await?;
            continue;
        }
        to.write_all(b"354 go on\r\n").await?;
        let mut letter = Vec::new();
        while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
            letter.push(line);
        }
        let id = letter.iter().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap_or_default();
        // Quoted-printable, by RFC 2045.
        let text = letter.join("\n").replace("=\n", "").replace("=E2=80=9D", "”");
        heard.lock().unwrap_or_else(PoisonError::into_inner).push((id.to_owned(), text));
        to.write_all(b"250 taken\r\n").await?;
    }
    Ok(())
}
