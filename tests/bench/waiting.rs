//! Ten thousand printers that wait, on one core: how soon one is told, and what each of them costs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sealpost_api::purchase::Payment;
use sealpost_tests::parts;
use sealpost_tests::store::{Options, Store};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::load::{self, Connection};
use crate::measure::{self, median};
use crate::row::{Better, Row};
use crate::store::{listing, note};

const PRINTERS: usize = 10_000;
/// Requests under way while printers register and connect.
const AT_ONCE: usize = 32;
/// Jobs sent, each to another printer.
const JOBS: usize = 1_000;
/// Between two jobs.
const PACE: Duration = Duration::from_millis(10);
/// Senders of jobs.
const SENDERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);

/// Every row of `waiting`.
pub(crate) async fn run() -> Result<Vec<Row>> {
    let folder = tempfile::Builder::new().prefix("sealpost-bench-").tempdir()?;
    // Before this program may open more files, so that the store has to see to that itself.
    let store = Store::start(folder.path(), &Options::default())?;
    more_files()?;
    let pid = store.service.pid();
    measure::pin(pid, 1)?;
    measure::pin(i32::try_from(std::process::id())?, 0)?;
    let address: SocketAddr = store.url.trim_start_matches("http://").parse()?;
    let owner = store.operator().await?;
    owner.offer(&listing("part", 1_000_000, true)).await?;
    owner.publish("part", "1.0.0", &parts::sliced()).await?;
    let licence = owner.buy("part", Payment::Free).await?.id;

    let printers = register(address, &owner.token).await?;
    let before = measure::own_memory_mb(pid)?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let began = Instant::now();
    let _waiting = connect(address, &printers, &tell).await?;
    note(&format!("{PRINTERS} printers connected in {:.1} s", began.elapsed().as_secs_f64()));
    let after = measure::own_memory_mb(pid)?;
    note(&format!("the store: {before:.1} MB with none, {after:.1} MB with all"));

    let order = |printer: &str| {
        let mut request = Vec::new();
        let body = json!({"licence": licence, "printer": printer}).to_string();
        load::post(
            "/api/v1/jobs",
            &format!("authorization: Bearer {}\r\n", owner.token),
            &body,
            &mut request,
        );
        request
    };
    let chosen = choose()?;
    let orders = chosen.iter().map(|index| (*index, order(&printers[*index].id))).collect();
    let (sent, answered) = send(address, orders).await?;
    let mut took = Vec::with_capacity(JOBS);
    while took.len() < sent.len() {
        let (index, at) =
            timeout(PATIENCE, told.recv()).await.context("a printer was not told")?.context("all gone")?;
        if let Some(sent) = sent.get(&index) {
            took.push((at - *sent).as_secs_f64() * 1e3);
        }
    }
    took.sort_by(f64::total_cmp);
    note(&format!(
        "job sent -> printer told: {:.2} ms in the middle, {:.1} ms at most; job sent -> answered: {:.2} ms in the middle",
        median(took.clone()),
        took[took.len() - 1],
        median(answered)
    ));
    Ok(vec![
        Row {
            row: "ready -> told, p99, 10 000 printers on one core",
            ours: took[took.len() * 99 / 100],
            reference: 100.0,
            unit: "ms",
            target: 1.0,
            better: Better::Less,
        },
        Row {
            row: "memory per waiting printer",
            ours: (after - before) * 1e3 / PRINTERS as f64,
            reference: 20.0,
            unit: "KB",
            target: 1.0,
            better: Better::Less,
        },
    ])
}

/// Allows this program as many open files as it may have.
fn more_files() -> Result<()> {
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, maximum: limits.maximum })?;
    if limits.maximum.is_some_and(|most| most < PRINTERS as u64 + 500) {
        bail!("{PRINTERS} connections need a larger hard limit of open files (`ulimit -Hn`)");
    }
    Ok(())
}

struct Registered {
    id: String,
    token: String,
}

async fn register(address: SocketAddr, token: &str) -> Result<Arc<Vec<Registered>>> {
    let mut workers = JoinSet::new();
    for worker in 0..AT_ONCE {
        let headers = format!("authorization: Bearer {token}\r\n{}: bench\r\n", sealpost_api::AGENT_HEADER);
        workers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let (mut registered, mut request) = (Vec::new(), Vec::new());
            for number in (worker..PRINTERS).step_by(AT_ONCE) {
                let public = crypto_box::SecretKey::from(random()?).public_key();
                let body = json!({
                    "printer_name": format!("Printer {number}"),
                    "printer_public_key": BASE64_STANDARD.encode(public.as_bytes()),
                });
                request.clear();
                load::post("/api/register-printer", &headers, &body.to_string(), &mut request);
                let status = connection.exchange(&request).await?;
                let answer: Value = serde_json::from_slice(connection.body())?;
                ensure!(status == 200, "registering answers {status}: {answer}");
                let text =
                    |name: &str| answer[name].as_str().map(str::to_owned).context("a field is missing");
                registered.push(Registered { id: text("id")?, token: text("printer_token")? });
            }
            anyhow::Ok(registered)
        });
    }
    let mut all = Vec::with_capacity(PRINTERS);
    while let Some(done) = workers.join_next().await {
        all.extend(done??);
    }
    Ok(Arc::new(all))
}

/// Connects every printer and waits until each heard the first hint and the first heartbeat.
async fn connect(
    address: SocketAddr,
    printers: &Arc<Vec<Registered>>,
    tell: &mpsc::UnboundedSender<(usize, Instant)>,
) -> Result<JoinSet<Result<()>>> {
    let (ready, mut listening) = mpsc::unbounded_channel();
    let doors = Arc::new(Semaphore::new(AT_ONCE));
    let mut waiting = JoinSet::new();
    for index in 0..printers.len() {
        let (printers, tell, ready) = (printers.clone(), tell.clone(), ready.clone());
        let doors = doors.clone();
        waiting.spawn(async move {
            let door = doors.acquire_owned().await?;
            let mut stream = Listening::open(address, &printers[index].token).await?;
            let (mut hints, mut beats) = (0, 0);
            while hints == 0 || beats == 0 {
                let heard = stream.hear().await?;
                hints += heard.hints;
                beats += heard.beats;
            }
            drop(door);
            ready.send(())?;
            loop {
                for _ in 0..stream.hear().await?.hints {
                    tell.send((index, Instant::now()))?;
                }
            }
        });
    }
    drop(ready);
    for _ in 0..printers.len() {
        let heard = timeout(PATIENCE, listening.recv()).await.context("a printer heard nothing")?;
        if heard.is_none() {
            while let Some(ended) = waiting.join_next().await {
                ended??;
            }
            bail!("the printers are gone");
        }
    }
    Ok(waiting)
}

/// An open event stream.
struct Listening {
    stream: TcpStream,
    unread: Vec<u8>,
}

#[derive(Default)]
struct Heard {
    hints: usize,
    beats: usize,
}

impl Listening {
    async fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let mut request = Vec::new();
        let agent = sealpost_api::AGENT_HEADER;
        let headers =
            format!("authorization: Bearer {token}\r\n{agent}: bench\r\naccept: text/event-stream\r\n");
        load::get("/api/printer-agent/events", &headers, &mut request);
        stream.write_all(&request).await?;
        let mut listening = Self { stream, unread: Vec::new() };
        while memmem::find(&listening.unread, b"\r\n\r\n").is_none() {
            listening.receive().await?;
        }
        ensure!(
            listening.unread.starts_with(b"HTTP/1.1 200 "),
            "the stream answers {}",
            String::from_utf8_lossy(&listening.unread)
        );
        Ok(listening)
    }

    /// The events of what has come; waits for more when there are none.
    async fn hear(&mut self) -> Result<Heard> {
        loop {
            // An event ends with an empty line; chunks end with CRLF and do not look like one.
            if let Some(end) = memmem::rfind(&self.unread, b"\n\n") {
                let whole: Vec<u8> = self.unread.drain(..end + 2).collect();
                let count = |text: &[u8]| memmem::find_iter(&whole, text).count();
                return Ok(Heard { hints: count(b"event: jobs\n"), beats: count(b"event: ping\n") });
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.unread).await?;
        ensure!(read > 0, "the store closed the stream");
        Ok(())
    }
}

/// Sends each order at its time; gives when each was sent, and after how many milliseconds it was answered.
async fn send(
    address: SocketAddr,
    orders: Vec<(usize, Vec<u8>)>,
) -> Result<(HashMap<usize, Instant>, Vec<f64>)> {
    let (give, take) = mpsc::channel::<(usize, Vec<u8>)>(1);
    let take = Arc::new(tokio::sync::Mutex::new(take));
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let take = take.clone();
        let mut connection = Connection::open(address).await?;
        senders.spawn(async move {
            let mut sent = Vec::new();
            loop {
                let Some((index, request)) = take.lock().await.recv().await else { return anyhow::Ok(sent) };
                let at = Instant::now();
                let status = connection.exchange(&request).await?;
                ensure!(
                    status == 201,
                    "the job answers {status}: {}",
                    String::from_utf8_lossy(connection.body())
                );
                sent.push((index, at, at.elapsed().as_secs_f64() * 1e3));
            }
        });
    }
    let mut pace = interval(PACE);
    for order in orders {
        pace.tick().await;
        // Nobody takes it when all senders failed; they say why.
        if give.send(order).await.is_err() {
            break;
        }
    }
    drop(give);
    let (mut sent, mut answered) = (HashMap::new(), Vec::new());
    while let Some(done) = senders.join_next().await {
        for (index, at, took) in done?? {
            sent.insert(index, at);
            answered.push(took);
        }
    }
    Ok((sent, answered))
}

/// Different printers, as chance will have it.
fn choose() -> Result<Vec<usize>> {
    let mut all: Vec<usize> = (0..PRINTERS).collect();
    for place in 0..JOBS {
        let random = u64::from_le_bytes(random::<8>()?);
        let other = place + usize::try_from(random % (PRINTERS - place) as u64)?;
        all.swap(place, other);
    }
    all.truncate(JOBS);
    Ok(all)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}
