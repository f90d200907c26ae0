//! An RPC endpoint between a store and a node: honest, lying, silent, or gone.
//!
//! Its address holds a key in its path, as those of providers do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::person::client;

/// Changes an answer (`result` or `error`) to a question of this method with these parameters.
pub type Lie = Box<dyn FnMut(&str, &Value, &mut Value) + Send>;

/// A running endpoint; ends with the runtime of its test.
#[derive(Clone)]
pub struct Endpoint {
    /// Where it answers, with the key in it.
    pub url: String,
    /// The key.
    pub key: String,
    shared: Arc<Shared>,
}

struct Shared {
    path: String,
    http: reqwest::Client,
    node: Mutex<String>,
    manner: watch::Sender<Manner>,
    lie: Mutex<Option<Lie>>,
    asked: watch::Sender<BTreeMap<String, u64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Passes answers on, changed by the lie if there is one.
    Answer,
    /// Closes each connection in the middle of the answer.
    BreakOff,
    /// Says `503`, with the request's address in its text as some providers do.
    Fail,
    /// Says nothing until it is told to.
    Hold,
    /// Answers without an end.
    Flood,
}

impl Endpoint {
    /// Starts one before the node at `node`.
    pub async fn start(node: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let key = hex::encode(super::buyer::random_bytes::<16>());
        let path = format!("/v2/{key}");
        let url = format!("http://{}{path}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            path,
            http: client()?,
            node: Mutex::new(node.to_owned()),
            manner: watch::channel(Manner::Answer).0,
            lie: Mutex::default(),
            asked: watch::channel(BTreeMap::new()).0,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, key, shared })
    }

    /// Names the node behind it.
    pub fn lead_to(&self, node: &str) {
        node.clone_into(&mut lock(&self.shared.node));
    }

    /// Changes answers from now on.
    pub fn lie(&self, lie: impl FnMut(&str, &Value, &mut Value) + Send + 'static) {
        *lock(&self.shared.lie) = Some(Box::new(lie));
        self.shared.manner.send_replace(Manner::Answer);
    }

    /// Answers as the node does from now on; what was held is answered.
    pub fn be_honest(&self) {
        *lock(&self.shared.lie) = None;
        self.shared.manner.send_replace(Manner::Answer);
    }

    /// Breaks off every answer.
    pub fn break_off(&self) {
        self.shared.manner.send_replace(Manner::BreakOff);
    }

    /// Fails every request.
    pub fn fail(&self) {
        self.shared.manner.send_replace(Manner::Fail);
    }

    /// Keeps every request waiting.
    pub fn hold(&self) {
        self.shared.manner.send_replace(Manner::Hold);
    }

    /// Answers each request without an end.
    pub fn flood(&self) {
        self.shared.manner.send_replace(Manner::Flood);
    }

    /// How often it was asked for this.
    pub fn asked(&self, method: &str) -> u64 {
        self.shared.asked.borrow().get(method).copied().unwrap_or(0)
    }

    /// How often it was asked for anything.
    pub fn questions(&self) -> u64 {
        self.shared.asked.borrow().values().sum()
    }

    /// Waits until it was asked for anything so often.
    pub async fn until_asked(&self, questions: u64) -> Result<()> {
        let mut asked = self.shared.asked.subscribe();
        let enough = asked.wait_for(|asked| asked.values().sum::<u64>() >= questions);
        tokio::time::timeout(super::patience::PATIENCE, enough).await??;
        Ok(())
    }

    /// Waits until it is asked for this once more.
    pub async fn next(&self, method: &str) -> Result<()> {
        let before = self.asked(method);
        let mut asked = self.shared.asked.subscribe();
        let more = asked.wait_for(|asked| asked.get(method).copied().unwrap_or(0) > before);
        tokio::time::timeout(super::patience::PATIENCE, more).await??;
        Ok(())
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> Response {
    let path = request.uri().path().to_owned();
    if path != shared.path {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(body) = axum::body::to_bytes(request.into_body(), 1 << 20).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let question: Value = serde_json::from_slice(&body).unwrap_or_default();
    let each = question.as_array().cloned().unwrap_or_else(|| vec![question.clone()]);
    shared.asked.send_modify(|asked| {
        for question in &each {
            *asked.entry(question["method"].as_str().unwrap_or("").to_owned()).or_default() += 1;
        }
    });
    let mut manner = shared.manner.subscribe();
    let Ok(now) = manner.wait_for(|manner| *manner != Manner::Hold).await.map(|manner| *manner) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match now {
        Manner::BreakOff => {
            let broken = [Ok(Bytes::from_static(b"{\"jsonrpc\"")), Err(std::io::Error::other("cut"))];
            Body::from_stream(futures::stream::iter(broken)).into_response()
        }
        Manner::Fail => {
            let text = format!("upstream of {path} is overloaded");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        Manner::Flood => {
            let spaces = futures::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1 << 16]))
            });
            Body::from_stream(spaces).into_response()
        }
        Manner::Answer | Manner::Hold => match forward(&shared, body, &question).await {
            Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response(),
            Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        },
    }
}

async fn forward(shared: &Shared, body: Bytes, question: &Value) -> Result<Value> {
    let node = lock(&shared.node).clone();
    let request = shared.http.post(node).header(header::CONTENT_TYPE, "application/json").body(body);
    let mut answer: Value = request.send().await?.json().await?;
    if let Some(lie) = lock(&shared.lie).as_mut() {
        match (question.as_array(), answer.as_array_mut()) {
            (Some(questions), Some(answers)) => {
                for answer in answers {
                    if let Some(question) = questions.iter().find(|question| question["id"] == answer["id"]) {
                        change(lie, question, answer);
                    }
                }
            }
            _ => change(lie, question, &mut answer),
        }
    }
    Ok(answer)
}

fn change(lie: &mut Lie, question: &Value, answer: &mut Value) {
    let method = question["method"].as_str().unwrap_or("");
    let mut said = answer.get("result").cloned().unwrap_or(Value::Null);
    let honest = said.clone();
    lie(method, &question["params"], &mut said);
    if said != honest {
        *answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": said});
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
