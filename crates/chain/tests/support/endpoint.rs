//! An endpoint that says what a test wants, over real sockets.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::Outcome;

/// How a question is answered.
pub(crate) enum Reply {
    /// As JSON-RPC has it.
    Result(Value),
    /// A JSON-RPC error.
    Error(Value),
    /// Bytes with a status, as a body.
    Body(&'static str, Vec<u8>),
    /// Never.
    Silence,
    /// The connection ends.
    Close,
    /// A body that does not end.
    Endless,
    /// Somewhere else, for whoever follows.
    Redirect(String),
}

type Answer = dyn Fn(&str, &Value) -> Reply + Send + Sync;

/// Ends with the test.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Endpoint {
    pub(crate) async fn start(
        answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> Outcome<Self> {
        Self::start_with(answer, None).await
    }

    /// One that answers `refusal` to several questions at once.
    pub(crate) async fn start_plain(
        answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
        refusal: fn() -> Reply,
    ) -> Outcome<Self> {
        Self::start_with(answer, Some(refusal)).await
    }

    async fn start_with(
        answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
        refusal: Option<fn() -> Reply>,
    ) -> Outcome<Self> {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}/v2/{KEY}", listener.local_addr()?);
        let (answer, asked): (Arc<Answer>, _) = (Arc::new(answer), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                tokio::spawn(async move { serve(stream, &*answer, refusal, &log).await });
            }
        });
        Ok(Self { url, asked, task })
    }

    /// The methods that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What stands in the address of every endpoint and must be seen nowhere.
pub(crate) const KEY: &str = "api-key-0123456789";

async fn serve(
    stream: TcpStream,
    answer: &Answer,
    refusal: Option<fn() -> Reply>,
    log: &Mutex<Vec<String>>,
) -> Outcome {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim().to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let question: Value = serde_json::from_slice(&body)?;
        let mut ask = |question: &Value| {
            let method = question["method"].as_str().unwrap_or_default();
            log.lock().unwrap_or_else(PoisonError::into_inner).push(method.to_owned());
            answer(method, &question["params"])
        };
        let reply = match (question.as_array(), refusal) {
            (Some(_), Some(refusal)) => {
                log.lock().unwrap_or_else(PoisonError::into_inner).push("batch".to_owned());
                refusal()
            }
            (Some(questions), None) => together(questions, &mut ask),
            (None, _) => ask(&question),
        };
        let whole = |value: Value| value.to_string().into_bytes();
        let (status, body) = match reply {
            Reply::Result(result) => {
                ("200 OK", whole(json!({ "jsonrpc": "2.0", "id": 1, "result": result })))
            }
            Reply::Error(error) => ("200 OK", whole(json!({ "jsonrpc": "2.0", "id": 1, "error": error }))),
            Reply::Body(status, body) => (status, body),
            Reply::Close => return Ok(()),
            Reply::Silence => return std::future::pending().await,
            Reply::Endless => return endless(stream).await,
            Reply::Redirect(to) => {
                let head =
                    format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                continue;
            }
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    }
}

/// Answers to questions that came at once, the last one's first; where one of them is none, that is the answer to all.
fn together(questions: &[Value], ask: &mut impl FnMut(&Value) -> Reply) -> Reply {
    let mut answers = Vec::new();
    for question in questions {
        let id = &question["id"];
        answers.push(match ask(question) {
            Reply::Result(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Reply::Error(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
            reply => return reply,
        });
    }
    answers.reverse();
    Reply::Body("200 OK", Value::from(answers).to_string().into_bytes())
}

async fn endless(mut stream: BufReader<TcpStream>) -> Outcome {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let chunk = [b"10000\r\n".as_slice(), &[b'['; 0x10000], b"\r\n"].concat();
    loop {
        stream.write_all(&chunk).await?;
    }
}
