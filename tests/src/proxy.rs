//! A man in the middle: stands before a store, or several processes of one, changes what they answer, and is as bad a line as a
//! test wants.

mod line;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::person::client;
use crate::service::PATIENCE;

use self::line::{Doom, Wires};
pub use self::line::{Line, Loss, Met};

/// Largest body that passes.
const BODY_LIMIT: usize = 64 << 20;

/// What is done to an answer: its path with query, its status and its body, which may be replaced.
pub type Meddle = Box<dyn FnMut(&str, StatusCode, Bytes) -> Bytes + Send>;

/// A running proxy; ends with the runtime of its test.
#[derive(Clone)]
pub struct Proxy {
    /// Where it answers.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    http: reqwest::Client,
    stores: Mutex<Vec<String>>,
    turn: AtomicUsize,
    meddle: Mutex<Option<Meddle>>,
    seen: watch::Sender<Vec<String>>,
    cut: AtomicBool,
    reports: Mutex<Vec<Said>>,
    wires: Arc<Wires>,
    losses: Mutex<Vec<Wanted>>,
}

/// A loss that nobody met yet.
struct Wanted {
    request: String,
    loss: Loss,
    met: oneshot::Sender<()>,
}

/// A report that passed, and how it was answered.
#[derive(Clone, Debug)]
pub struct Said {
    /// The path it went to.
    pub path: String,
    /// What it says.
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
}

impl Proxy {
    /// Starts one that has no store behind it yet: the store wants to know the proxy's address first.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let inner = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (url, behind) = (format!("http://{}", listener.local_addr()?), inner.local_addr()?);
        let shared = Arc::new(Shared {
            http: client()?,
            stores: Mutex::default(),
            turn: AtomicUsize::new(0),
            meddle: Mutex::default(),
            seen: watch::Sender::default(),
            cut: AtomicBool::new(false),
            reports: Mutex::default(),
            wires: Arc::new(Wires::new()),
            losses: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(inner, router).await });
        tokio::spawn(Arc::clone(&shared.wires).serve(listener, behind));
        Ok(Self { url, shared })
    }

    /// Names the store behind it.
    pub fn lead_to(&self, store: &str) {
        self.lead_to_all(vec![store.to_owned()]);
    }

    /// Names the processes behind it, which take turns. Where one does not answer, the next is asked: for any request that did
    /// not leave, and for those that change nothing.
    pub fn lead_to_all(&self, stores: Vec<String>) {
        *lock(&self.shared.stores) = stores;
    }

    /// Changes answers from now on.
    pub fn meddle(&self, meddle: impl FnMut(&str, StatusCode, Bytes) -> Bytes + Send + 'static) {
        *lock(&self.shared.meddle) = Some(Box::new(meddle));
    }

    /// Lets answers pass unchanged from now on.
    pub fn let_be(&self) {
        *lock(&self.shared.meddle) = None;
    }

    /// How the line before the proxy is from now on.
    pub fn line(&self, line: Line) {
        self.shared.wires.set(line);
    }

    /// Loses the next request that holds `request`, written as `METHOD path`, or its answer.
    pub fn lose(&self, request: &str, loss: Loss) -> Met {
        let (met, promise) = Doom::promise();
        lock(&self.shared.losses).push(Wanted { request: request.to_owned(), loss, met });
        promise
    }

    /// Forgets the losses that nobody met yet.
    pub fn lose_nothing(&self) {
        lock(&self.shared.losses).clear();
    }

    /// Answers everything with `502 Bad Gateway`, or lets it through again.
    pub fn cut(&self, cut: bool) {
        self.shared.cut.store(cut, Ordering::SeqCst);
    }

    /// Every report on a job so far.
    pub fn reports(&self) -> Vec<Said> {
        lock(&self.shared.reports).clone()
    }

    /// Every request so far, as `METHOD path`.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.borrow().clone()
    }

    /// Waits for a request that holds `what`, written as `METHOD path`, behind the first `after` ones; gives how many there were
    /// up to it.
    pub async fn wait_for_request(&self, what: &str, after: usize) -> Result<usize> {
        let mut seen = self.shared.seen.subscribe();
        let find = |seen: &Vec<String>| {
            seen.iter().skip(after).position(|line| line.contains(what)).map(|at| after + at + 1)
        };
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| find(seen).is_some())).await;
        let seen = waited.with_context(|| format!("nobody asked for {what}"))??;
        find(&seen).context("seen a moment ago")
    }
}

async fn pass(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match forward(&shared, peer, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

async fn forward(shared: &Shared, peer: SocketAddr, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let line = format!("{} {path}", parts.method);
    shared.seen.send_modify(|seen| seen.push(line.clone()));
    if shared.cut.load(Ordering::SeqCst) {
        bail!("the line is cut");
    }
    let wanted = {
        let mut losses = lock(&shared.losses);
        let at = losses.iter().position(|wanted| line.contains(&wanted.request));
        at.map(|at| losses.remove(at))
    };
    if wanted.as_ref().is_some_and(|wanted| wanted.loss == Loss::Unheard)
        && let Some(wanted) = wanted
    {
        shared.wires.doom(peer, Doom::new(wanted.loss, 0, wanted.met));
        bail!("nobody hears of it");
    }
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let body = to_bytes(body, BODY_LIMIT).await?;
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let answer = shared.send(&parts.method, &path, &headers, &body).await?;

    let status = answer.status();
    if path.ends_with("/reports") || path.contains("/job-status/") {
        lock(&shared.reports).push(Said { path: path.clone(), body: said, status: status.as_u16() });
    }
    let headers = end_to_end(answer.headers());
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
    {
        if let Some(wanted) = wanted {
            shared.wires.doom(peer, Doom::new(wanted.loss, 0, wanted.met));
        }
        let stream = Body::from_stream(answer.bytes_stream());
        return Ok((status, headers, stream).into_response());
    }
    let mut body = answer.bytes().await?;
    if let Some(meddle) = lock(&shared.meddle).as_mut() {
        body = meddle(&path, status, body);
    }
    if let Some(wanted) = wanted {
        shared.wires.doom(peer, Doom::new(wanted.loss, body.len(), wanted.met));
    }
    Ok((status, headers, body).into_response())
}

impl Shared {
    async fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<reqwest::Response> {
        let stores = lock(&self.stores).clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut failure = None;
        for store in stores.iter().cycle().skip(turn % stores.len().max(1)).take(stores.len()) {
            let request = self.http.request(method.clone(), format!("{store}{path}"));
            match request.headers(headers.clone()).body(body.clone()).send().await {
                Ok(answer) => return Ok(answer),
                // What left may have been done.
                Err(error) if error.is_connect() || method.is_safe() => failure = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(failure.map_or_else(|| anyhow!("there is no store behind the proxy"), Into::into))
    }
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::TRANSFER_ENCODING, header::CONNECTION, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    headers
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
