//! Several processes of one store, asked for everything at once: the rows say afterwards that it was counted right.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::{join_all, try_join_all};
use reqwest::Method;
use rusqlite::OpenFlags;
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::Payment;
use sealpost_tests::dice::Dice;
use sealpost_tests::lmnt::LmntPrinter;
use sealpost_tests::parts;
use sealpost_tests::person::Person;
use sealpost_tests::service::free_port;
use sealpost_tests::store::{Options, Store};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::Backend;

crate::on_both_databases!(everything_at_once_is_counted_right);

/// Who asks at the same time, and how often each.
const ASKING: u64 = 16;
const TIMES: u64 = 40;

struct Crowd {
    stores: Vec<Store>,
    folder: tempfile::TempDir,
    options: Options,
    seller: Person,
    buyer: Person,
    printers: Vec<LmntPrinter>,
    licences: Vec<String>,
    /// Each with the index of its printer.
    jobs: Mutex<Vec<(String, usize)>>,
    claims: AtomicU64,
    http: reqwest::Client,
}

async fn everything_at_once_is_counted_right(backend: Backend) -> Result<()> {
    let crowd = Crowd::gather(backend).await?;
    let seed = getrandom::u64().context("no randomness")?;
    crowd.ask_everything(seed).await.with_context(|| format!("seed {seed}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_a_sqlite_file_is_refused_and_says_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = Store::start(folder.path(), &Options::default())?;
    let refused = Store::start_beside(folder.path(), "second", &Options::default());
    let said = format!("{:#}", refused.err().context("a second process was served")?);
    ensure!(said.contains("another store uses"), "{said}");
    first.service.kill()?;
    Store::start_beside(folder.path(), "third", &Options::default())?;
    Ok(())
}

impl Crowd {
    async fn gather(backend: Backend) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut options = backend.options()?;
        let port = free_port()?;
        options.config = format!(
            "public_url = \"http://127.0.0.1:{port}\"\nlease_processing_s = 2\nlease_printing_s = 2\njob_expires_s = 8\nsweep_interval_ms = 50\n"
        );
        let processes = if matches!(backend, Backend::Postgres) { 3 } else { 1 };
        let mut stores = vec![Store::start(folder.path(), &Options { port: Some(port), ..options.clone() })?];
        for number in 1..processes {
            stores.push(Store::start_beside(folder.path(), &format!("store{number}"), &options)?);
        }
        let (seller, buyer) = (stores[0].operator().await?, stores[0].person("buyer").await?);
        let mut licences = Vec::new();
        for (id, free_retries, seal_once) in [("ring", 0, false), ("bowl", 2, false), ("vase", 1, true)] {
            let listing = json!({"id": id, "title": id, "prints": 7, "free_retries": free_retries, "seal_once": seal_once});
            let listing: NewListing = serde_json::from_value(listing)?;
            seller.offer(&listing).await?;
            let part =
                parts::made(folder.path(), &format!("{id}.gcode"), &["--layers", "2", "--size", "8000"])?;
            seller.publish(id, "1", &part).await?;
            licences.push(buyer.buy(id, Payment::Free).await?.id);
        }
        let url = stores[0].url.clone();
        let printers = try_join_all((0..3).map(|_| LmntPrinter::register(&url, &buyer))).await?;
        let http = reqwest::Client::new();
        let (jobs, claims) = (Mutex::default(), AtomicU64::new(0));
        Ok(Self { stores, folder, options, seller, buyer, printers, licences, jobs, claims, http })
    }

    async fn ask_everything(&self, seed: u64) -> Result<()> {
        let asking = (0..ASKING).map(|number| self.ask(seed.wrapping_add(number)));
        for asked in join_all(asking).await {
            asked?;
        }
        ensure!(!self.jobs()?.is_empty(), "nothing was printed");
        // What is under way falls silent, and what waits expires.
        let waiting = "SELECT id FROM jobs WHERE state IN ('sealing', 'ready_to_print', 'processing', 'printing', 'paused')";
        let patience = tokio::time::Instant::now() + Duration::from_secs(60);
        while !self.rows(waiting).await?.is_empty() {
            ensure!(tokio::time::Instant::now() < patience, "jobs do not end");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.check_licences().await?;
        self.check_jobs().await?;
        self.check_words().await
    }

    fn jobs(&self) -> Result<Vec<(String, usize)>> {
        Ok(self.jobs.lock().ok().context("another one panicked")?.clone())
    }

    async fn ask(&self, seed: u64) -> Result<()> {
        let mut chance = Dice::new(seed);
        for _ in 0..TIMES {
            self.ask_once(&mut chance).await?;
        }
        Ok(())
    }

    async fn ask_once(&self, chance: &mut Dice) -> Result<()> {
        let jobs = self.jobs()?;
        let which = chance.below(12);
        if jobs.is_empty() || which < 3 {
            let printer = pick(chance, self.printers.len());
            let licence = &self.licences[pick(chance, self.licences.len())];
            let body = json!({"licence": licence, "printer": self.printers[printer].id});
            let answer = self.send(chance, &self.buyer.token, "/api/v1/jobs", &body).await?;
            if let Some(id) = answer["id"].as_str() {
                self.jobs.lock().ok().context("another one panicked")?.push((id.to_owned(), printer));
            }
            return Ok(());
        }
        let newest = jobs.len().min(6);
        let (job, printer) = &jobs[jobs.len() - 1 - pick(chance, newest)];
        let token = &self.printers[*printer].token;
        let path = |what: &str| format!("/api/v1/jobs/{job}/{what}");
        match which {
            3..=5 => {
                let nonce = format!("nonce-0123456789-{}", self.claims.fetch_add(1, Ordering::Relaxed));
                let claim = json!({"nonce": nonce, "after": chance.below(2)});
                // It is sent twice at once, as when an answer is slow.
                let mut other = chance.fork();
                let path = path("claim");
                let (once, twice) = tokio::join!(
                    self.send(chance, token, &path, &claim),
                    self.send(&mut other, token, &path, &claim),
                );
                let (once, twice) = (once?, twice?);
                if let (Some(once), Some(twice)) = (once["lease"].as_u64(), twice["lease"].as_u64()) {
                    ensure!(once == twice, "one claim got the leases {once} and {twice}");
                }
            }
            6..=9 => {
                let words =
                    ["processing", "starting", "printing", "paused", "success", "failure", "cancelled"];
                let word = words[pick(chance, words.len())];
                let report = json!({"report_id": format!("r{}", chance.below(8)), "lease": 1 + chance.below(2), "status": word});
                self.send(chance, token, &path("reports"), &report).await?;
            }
            10 => drop(self.send(chance, &self.buyer.token, &path("cancel"), &json!({})).await?),
            _ => {
                let outcome = ["success", "failure", "cancelled"][pick(chance, 3)];
                self.send(chance, &self.seller.token, &path("resolve"), &json!({"outcome": outcome})).await?;
            }
        }
        Ok(())
    }

    /// Asks one of the processes; refusals are fine, failures and conflicts are not.
    async fn send(&self, chance: &mut Dice, token: &str, path: &str, body: &Value) -> Result<Value> {
        let store = &self.stores[pick(chance, self.stores.len())].url;
        let request = self.http.request(Method::POST, format!("{store}{path}")).bearer_auth(token).json(body);
        let answer = request.send().await?;
        let (status, answer) = (answer.status(), answer.json::<Value>().await?);
        ensure!(!status.is_server_error() && answer["code"] != "busy", "{path} {body}: {status} {answer}");
        Ok(answer)
    }

    async fn check_licences(&self) -> Result<()> {
        let licences = "SELECT id, allowed, used, reserved, free_retries, free_retries_used, keys_released FROM licences";
        let jobs = self.rows("SELECT licence, state, key_released, free_retry, lease FROM jobs").await?;
        for row in self.rows(licences).await? {
            let [allowed, used, reserved, retries, retried, keys] = numbers(&row[1..])?;
            let of = || jobs.iter().filter(|job| job[0] == row[0]);
            let open = of().filter(|job| job[1] == "interrupted").count();
            let taken = of().filter(|job| match job[1].as_str() {
                "success" => true,
                "failure" | "cancelled" => is(&job[2]) && !is(&job[3]),
                _ => false,
            });
            ensure!(used + reserved <= allowed, "more than was sold: {row:?}");
            ensure!(reserved == open, "{reserved} reserved for {open} jobs: {row:?}");
            ensure!(used == taken.count(), "{used} used: {row:?}");
            ensure!(retried <= retries && retried == of().filter(|job| is(&job[3])).count(), "{row:?}");
            let leases: Vec<usize> = of().map(|job| job[4].parse()).collect::<Result<_, _>>()?;
            ensure!(keys == leases.iter().sum::<usize>(), "{keys} keys for the leases {leases:?}: {row:?}");
        }
        Ok(())
    }

    async fn check_jobs(&self) -> Result<()> {
        let rows = self.rows("SELECT id, state, started, key_released, lease FROM jobs").await?;
        ensure!(rows.len() == self.jobs()?.len(), "jobs that nobody was told of");
        for row in rows {
            let lease: usize = row[4].parse()?;
            ensure!(is(&row[3]) == (lease > 0), "a key without a lease: {row:?}");
            ensure!(!is(&row[2]) || lease > 0, "a start without a key: {row:?}");
            ensure!(row[1] != "expired" || lease == 0, "expired with a key: {row:?}");
        }
        let held = self.rows("SELECT id FROM vault").await?.len();
        let needed =
            self.rows("SELECT id FROM jobs WHERE state = 'interrupted' AND NOT seal_once").await?.len();
        ensure!(held == needed + self.licences.len(), "{held} keys in the vault for {needed} jobs");
        Ok(())
    }

    /// What the audit log tells of each job: one end at most, each lease once, no key after the end.
    async fn check_words(&self) -> Result<()> {
        let rows = self
            .rows("SELECT subject, details FROM audit_log WHERE subject LIKE 'job:%' ORDER BY id")
            .await?;
        for (job, _) in self.jobs()? {
            let subject = format!("job:{job}");
            let (mut ends, mut leases) = (0, 0);
            for row in rows.iter().filter(|row| row[0] == subject) {
                let details: Value = serde_json::from_str(&row[1])?;
                for fact in details["facts"].as_array().context("no facts")? {
                    match fact["fact"].as_str() {
                        Some("job_ended") => ends += 1,
                        Some("key_released") => {
                            leases += 1;
                            ensure!(fact["lease"] == leases && ends == 0, "{job}: {fact}");
                        }
                        _ => {}
                    }
                }
            }
            ensure!(ends <= 1, "{job} ended {ends} times");
        }
        Ok(())
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        match &self.options.database_url {
            Some(url) => {
                let mut connection = PgConnection::connect(url).await?;
                let rows = sqlx::query(AssertSqlSafe(as_text(sql))).fetch_all(&mut connection).await?;
                rows.iter().map(|row| (0..row.len()).map(|i| Ok(row.try_get(i)?)).collect()).collect()
            }
            None => {
                let path = self.folder.path().join("store/store.sqlite");
                let connection =
                    rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                let mut statement = connection.prepare(&as_text(sql))?;
                let columns = statement.column_count();
                let rows = statement.query_map([], |row| (0..columns).map(|i| row.get(i)).collect())?;
                Ok(rows.collect::<Result<_, _>>()?)
            }
        }
    }
}

/// The same query with all its columns as text, which both databases give alike but for booleans.
fn as_text(sql: &str) -> String {
    let Some((columns, rest)) = sql.trim_start_matches("SELECT ").split_once(" FROM ") else {
        return sql.to_owned();
    };
    let columns: Vec<_> = columns.split(", ").map(|column| format!("CAST({column} AS TEXT)")).collect();
    format!("SELECT {} FROM {rest}", columns.join(", "))
}

fn is(flag: &str) -> bool {
    matches!(flag, "1" | "true")
}

fn numbers<const N: usize>(row: &[String]) -> Result<[usize; N]> {
    let numbers: Vec<usize> = row.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let Ok(numbers) = numbers.try_into() else { bail!("{} columns", row.len()) };
    Ok(numbers)
}

fn pick(chance: &mut Dice, end: usize) -> usize {
    chance.below(end as u64) as usize
}
