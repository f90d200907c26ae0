//! A man in the middle: stands before a store and changes what the store answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::person::client;

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
    store: Mutex<String>,
    meddle: Mutex<Option<Meddle>>,
    seen: Mutex<Vec<String>>,
    cut: AtomicBool,
    reports: Mutex<Vec<Said>>,
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
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            http: client()?,
            store: Mutex::default(),
            meddle: Mutex::default(),
            seen: Mutex::default(),
            cut: AtomicBool::new(false),
            reports: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, shared })
    }

    /// Names the store behind it.
    pub fn lead_to(&self, store: &str) {
        store.clone_into(&mut lock(&self.shared.store));
    }

    /// Changes answers from now on.
    pub fn meddle(&self, meddle: impl FnMut(&str, StatusCode, Bytes) -> Bytes + Send + 'static) {
        *lock(&self.shared.meddle) = Some(Box::new(meddle));
    }

    /// Lets answers pass unchanged from now on.
    pub fn let_be(&self) {
        *lock(&self.shared.meddle) = None;
    }

    /// Lets nothing through, or everything again.
    pub fn cut(&self, cut: bool) {
        self.shared.cut.store(cut, Ordering::SeqCst);
    }

    /// Every report on a job so far.
    pub fn reports(&self) -> Vec<Said> {
        lock(&self.shared.reports).clone()
    }

    /// Every request so far, as `METHOD path`.
    pub fn seen(&self) -> Vec<String> {
        lock(&self.shared.seen).clone()
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match forward(&shared, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn forward(shared: &Shared, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    lock(&shared.seen).push(format!("{} {path}", parts.method));
    if shared.cut.load(Ordering::SeqCst) {
        bail!("the line is cut");
    }
    let url = format!("{}{path}", lock(&shared.store));
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let body = to_bytes(body, BODY_LIMIT).await?;
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let answer = shared.http.request(parts.method, url).headers(headers).body(body).send().await?;

    let status = answer.status();
    if path.ends_with("/reports") || path.contains("/job-status/") {
        lock(&shared.reports).push(Said { path: path.clone(), body: said, status: status.as_u16() });
    }
    let headers = end_to_end(answer.headers());
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
    {
        let stream = Body::from_stream(answer.bytes_stream());
        return Ok((status, headers, stream).into_response());
    }
    let mut body = answer.bytes().await?;
    if let Some(meddle) = lock(&shared.meddle).as_mut() {
        body = meddle(&path, status, body);
    }
    Ok((status, headers, body).into_response())
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
