//! What the store does in a second beside a bare server with the same statements, and what a large upload costs it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, multipart};
use sealpost_api::catalogue::{NewListing, Release};
use sealpost_tests::person::{Person, expect};
use sealpost_tests::service::{Service, free_port};
use sealpost_tests::store::{Options, Store};
use sealpost_tests::{parts, postgres};
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::bare;
use crate::load::{self, Connection, Figures, Load, Requests};
use crate::measure::{self, CHILD, median};
use crate::row::{Better, Row};

const LISTINGS: usize = 50;
const BUYERS: usize = 32;
const CONNECTIONS: usize = 64;
/// Of each measurement.
const SPAN: Duration = Duration::from_secs(4);
const RUNS: usize = 3;
/// The purchases of a few people are measured, who buy more than anybody is allowed to.
const UNHURRIED: &str = "[rate_limits]\npurchase = { burst = 1000000000, every_ms = 1 }\n";
const PAGE: &str = "/api/v1/listings?limit=20";
/// What a publish may need in the store, MB.
const PUBLISH_MB: f64 = 64.0;

/// Every row of `store`; `size` is that of the large upload, bytes.
pub(crate) async fn run(size: u64) -> Result<Vec<Row>> {
    let mut rows = Database::Sqlite.measure().await?;
    rows.extend(Database::Postgres.measure().await?);
    rows.push(publish(size).await?);
    Ok(rows)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    async fn measure(self) -> Result<Vec<Row>> {
        let folder = tempfile::Builder::new().prefix("sealpost-bench-").tempdir()?;
        let url = match self {
            Self::Sqlite => None,
            Self::Postgres => Some(postgres::database()?),
        };
        let options = Options {
            database_url: url.clone(),
            port: Some(free_port()?),
            config: UNHURRIED.to_owned(),
            ..Options::default()
        };
        let store = Store::start(folder.path(), &options)?;
        let buyers = fill(&store).await?;
        store.service.stop()?;
        let copy = match &url {
            None => copy_file(folder.path())?,
            Some(url) => copy_database(url).await?,
        };
        let store = Store::start(folder.path(), &options)?;
        let mut bare = Command::new(std::env::current_exe()?);
        bare.args([CHILD, bare::CHILD, &copy]);
        let bare = Service::start("bare", &bare, folder.path())?;
        let line = bare.wait_for("listening on http://")?;
        let bare_at = line.rsplit("http://").next().context("no address")?.parse()?;
        let store_at = store.url.trim_start_matches("http://").parse()?;
        same_page(store_at, bare_at).await?;

        let tokens: Vec<String> = buyers.iter().map(|buyer| buyer.token.clone()).collect();
        let jtis = tokens.iter().map(|token| jti(token)).collect::<Result<Vec<_>>>()?;
        let race = Race { store: store_at, bare: bare_at };
        let [pages, fresh, purchases] = self.rows();
        Ok(vec![
            race.run(pages, 200, [same_pages(), same_pages()]).await?,
            race.run(fresh, 200, [fresh_pages(), fresh_pages()]).await?,
            race.run(purchases, 201, [purchase(tokens), purchase(jtis)]).await?,
        ])
    }

    fn rows(self) -> [&'static str; 3] {
        match self {
            Self::Sqlite => [
                "catalogue reads, SQLite",
                "catalogue reads, no page asked for twice, SQLite",
                "purchases with durable commit, SQLite",
            ],
            Self::Postgres => [
                "catalogue reads, PostgreSQL",
                "catalogue reads, no page asked for twice, PostgreSQL",
                "purchases with durable commit, PostgreSQL",
            ],
        }
    }
}

/// The store and the bare server, in turns.
struct Race {
    store: SocketAddr,
    bare: SocketAddr,
}

impl Race {
    async fn run(&self, row: &'static str, status: u16, [ours, theirs]: [Requests; 2]) -> Result<Row> {
        let load =
            |address, requests| Load { address, connections: CONNECTIONS, span: SPAN, status, requests };
        let (ours, theirs) = (load(self.store, ours), load(self.bare, theirs));
        let (mut store, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            store.push(ours.run().await.context("the store")?);
            bare.push(theirs.run().await.context("the bare server")?);
        }
        note(&format!("{row}: {}; bare: {}", latency(&store), latency(&bare)));
        let rate = |figures: &[Figures]| median(figures.iter().map(|figures| figures.per_second).collect());
        Ok(Row {
            row,
            ours: rate(&store),
            reference: rate(&bare),
            unit: "/s",
            target: 0.5,
            better: Better::More,
        })
    }
}

/// Listings with a release each, and people who buy.
async fn fill(store: &Store) -> Result<Vec<Person>> {
    let seller = store.operator().await?;
    let part = parts::sliced();
    for number in 0..LISTINGS {
        let listing = listing(&format!("part-{number}"), 3, false);
        seller.offer(&listing).await?;
        seller.publish(&format!("part-{number}"), "1.0.0", &part).await?;
    }
    let mut buyers = Vec::with_capacity(BUYERS);
    for number in 0..BUYERS {
        buyers.push(store.person(&format!("buyer{number}")).await?);
    }
    Ok(buyers)
}

/// A free listing.
pub(crate) fn listing(id: &str, prints: u32, seal_once: bool) -> NewListing {
    NewListing {
        id: Some(id.to_owned()),
        title: format!("Part {id}"),
        description: "A part that is printed standing up, without supports, in an hour.".to_owned(),
        prints: Some(prints),
        free_retries: Some(1),
        seal_once,
        ..NewListing::default()
    }
}

/// The store's database once it has stopped, with its journal, for the bare server.
fn copy_file(folder: &Path) -> Result<String> {
    let to = folder.join("bare.sqlite");
    std::fs::copy(folder.join("store/store.sqlite"), &to)?;
    let journal = folder.join("store/store.sqlite-wal");
    if journal.exists() {
        std::fs::copy(journal, folder.join("bare.sqlite-wal"))?;
    }
    Ok(format!("sqlite:{}", to.display()))
}

async fn copy_database(url: &str) -> Result<String> {
    let (server, name) = url.rsplit_once('/').context("no database in the address")?;
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await?;
    // Names of our own making.
    let copy = format!("CREATE DATABASE {name}_bare TEMPLATE {name}");
    sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&mut connection).await?;
    Ok(format!("{server}/{name}_bare"))
}

/// The servers must answer the same bytes, or the race is none.
async fn same_page(store: SocketAddr, bare: SocketAddr) -> Result<()> {
    let mut bodies = Vec::new();
    for address in [store, bare] {
        let mut request = Vec::new();
        load::get(PAGE, "", &mut request);
        let mut connection = Connection::open(address).await?;
        let status = connection.exchange(&request).await?;
        ensure!(status == 200, "the catalogue answers {status}");
        bodies.push(connection.body().to_vec());
    }
    ensure!(bodies[0].len() > 1000, "the catalogue is empty");
    ensure!(
        bodies[0] == bodies[1],
        "the servers answer differently:\n{}\n{}",
        String::from_utf8_lossy(&bodies[0]),
        String::from_utf8_lossy(&bodies[1])
    );
    Ok(())
}

/// Everybody looks at the first page.
fn same_pages() -> Requests {
    Arc::new(|_, _, into| load::get(PAGE, "", into))
}

/// Everybody looks at the first page by an address of their own, so that no cache can help.
fn fresh_pages() -> Requests {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Arc::new(move |connection, count, into| {
        let at = now + 1_000 + u128::from(count) * 1_000 + connection as u128;
        load::get(&format!("{PAGE}&after={at}.part"), "", into);
    })
}

/// Everybody buys one listing after another.
fn purchase(tokens: Vec<String>) -> Requests {
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let runs = std::sync::atomic::AtomicU64::new(0);
    Arc::new(move |connection, count, into| {
        let token = &tokens[connection % tokens.len()];
        // A fresh key for each request of each run.
        let key = runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let headers = format!("authorization: Bearer {token}\r\nidempotency-key: {run:x}-{key:x}\r\n");
        let listing = (connection as u64 * 7 + count) % LISTINGS as u64;
        let body = format!(r#"{{"listing":"part-{listing}","payment":{{"method":"free"}}}}"#);
        load::post("/api/v1/purchases", &headers, &body, into);
    })
}

/// The name of a token, by which the bare server looks it up.
fn jti(token: &str) -> Result<String> {
    let claims = token.split('.').nth(1).context("no claims")?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims)?)?;
    Ok(claims["jti"].as_str().context("no jti")?.to_owned())
}

async fn publish(size: u64) -> Result<Row> {
    let folder = tempfile::Builder::new().prefix("sealpost-bench-").tempdir()?;
    let store = Store::start(folder.path(), &Options::default())?;
    let seller = store.operator().await?;
    seller.offer(&listing("large", 1, false)).await?;
    let options = ["--layers", "1000", "--size", &size.to_string()];
    let part = parts::made(folder.path(), "large.gcode", &options)?;
    let pid = store.service.pid();
    note(&format!("the store before the upload: {:.1} MB", measure::own_memory_mb(pid)?));
    let began = std::time::Instant::now();
    let file = tokio::fs::File::open(part).await?;
    let release = json!({"listing": "large", "version": "1"}).to_string();
    let form = multipart::Form::new()
        .part("release", multipart::Part::text(release).mime_str("application/json")?)
        .part("file", multipart::Part::stream_with_length(file, size).file_name("large.gcode"));
    let answer = seller.request(Method::POST, "/api/v1/releases").multipart(form).send().await?;
    let release: Release = expect(answer).await?.json().await?;
    ensure!(release.plain_size == size, "the store read {} of {size} bytes", release.plain_size);
    let rate = size as f64 / 1e6 / began.elapsed().as_secs_f64();
    note(&format!("published {size} bytes at {rate:.0} MB/s"));
    Ok(Row {
        row: "publish a large file, memory of the store",
        ours: measure::peak_memory_mb(pid)?,
        reference: PUBLISH_MB,
        unit: "MB",
        target: 1.0,
        better: Better::Less,
    })
}

/// A remark beside the rows.
pub(crate) fn note(text: &str) {
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "  {text}");
}

fn latency(figures: &[Figures]) -> String {
    let middle = median(figures.iter().map(|figures| figures.middle_ms).collect());
    let p99 = median(figures.iter().map(|figures| figures.p99_ms).collect());
    format!("{middle:.2} ms in the middle, {p99:.1} ms at p99")
}
