//! One JSON-RPC endpoint over HTTP. Whatever it sends costs no more than the limits say.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Response, StatusCode, header::CONTENT_TYPE, redirect};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};
use tokio::time::{Instant, timeout};
use url::Url;

use crate::{
    fault::{Fault, clean},
    rpc::{Bytes, Quantity},
};

/// How long an endpoint is believed about which chain it serves.
const CHAIN_HOLDS: Duration = Duration::from_secs(60);
/// After how long an endpoint of another chain is asked again.
const OTHER_CHAIN_HOLDS: Duration = Duration::from_secs(30);
/// Parts of an address that are this long may be somebody's key.
const KEY_LENGTH: usize = 8;
const NO_REPLY: &str = "it is no JSON-RPC";

/// One endpoint, and what is known of it.
pub(crate) struct Endpoint {
    url: Url,
    host: String,
    secrets: Vec<String>,
    client: Client,
    chain_id: u64,
    limits: Limits,
    chain: Mutex<Option<(Instant, u64)>>,
    failures: AtomicU32,
    odd: AtomicBool,
    /// Whether it takes no two questions at once.
    one_by_one: AtomicBool,
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From the question to the last byte of the answer.
    pub(crate) timeout: Duration,
    /// Bytes of an answer.
    pub(crate) max_answer: usize,
}

/// The clients that endpoints share. They follow no redirect: an endpoint is the address that was written down.
#[derive(Default)]
pub(crate) struct Clients {
    near: Option<Client>,
    far: Option<Client>,
}

impl Clients {
    /// Clear text is for this machine and network, where no proxy is in between, and needs no certificates.
    pub(crate) fn of(&mut self, url: &Url) -> Result<Client, reqwest::Error> {
        let near = url.scheme() == "http";
        let slot = if near { &mut self.near } else { &mut self.far };
        if let Some(client) = slot {
            return Ok(client.clone());
        }
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .user_agent(concat!("sealpost/", env!("CARGO_PKG_VERSION")));
        let builder = if near { builder.no_proxy().tls_certs_only([]) } else { builder };
        let client = builder.build()?;
        *slot = Some(client.clone());
        Ok(client)
    }
}

impl Endpoint {
    pub(crate) fn new(url: Url, chain_id: u64, limits: Limits, client: Client) -> Self {
        Self {
            host: host(&url),
            secrets: secrets(&url),
            url,
            client,
            chain_id,
            limits,
            chain: Mutex::new(None),
            failures: AtomicU32::new(0),
            odd: AtomicBool::new(false),
            one_by_one: AtomicBool::new(false),
        }
    }

    /// Name and port, which is all of the address that is ever shown.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it answered of late, so that it is worth waiting for.
    pub(crate) fn is_alive(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < 2
    }

    /// Whether its last answer was another than the others'.
    pub(crate) fn is_odd(&self) -> bool {
        self.odd.load(Ordering::Relaxed)
    }

    /// Notes whether it answered as the others did; the log hears of it when that changes.
    pub(crate) fn agrees(&self, agrees: bool, question: &'static str) {
        if self.odd.swap(!agrees, Ordering::Relaxed) == agrees {
            if agrees {
                tracing::info!(endpoint = %self.host, "the endpoint agrees with the others again");
            } else {
                tracing::warn!(endpoint = %self.host, question, "the endpoint answers otherwise than the others");
            }
        }
    }

    /// Notes that it was waited for longer than the others.
    pub(crate) fn is_late(&self) {
        if self.failures.fetch_add(1, Ordering::Relaxed) == 1 {
            tracing::warn!(endpoint = %self.host, "the endpoint is slower than the others");
        }
    }

    /// Asks one question, of an endpoint that serves the right chain.
    pub(crate) async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Fault> {
        self.within_limits(self.call_on_chain(method, params)).await
    }

    /// Asks two questions at once: where an address leads to several nodes, one of them answers both. Endpoints that take no
    /// two at once are asked one after the other.
    pub(crate) async fn call_both<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        first: (&str, Value),
        second: (&str, Value),
    ) -> Result<(A, B), Fault> {
        self.within_limits(self.both_on_chain(first, second)).await
    }

    async fn within_limits<T>(&self, asked: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let outcome = match timeout(self.limits.timeout, asked).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::Timeout(self.limits.timeout)),
        };
        match &outcome {
            Err(fault) if !fault.is_answer() => {
                if self.failures.fetch_add(1, Ordering::Relaxed) == 1 {
                    tracing::warn!(endpoint = %self.host, %fault, "the endpoint fails");
                }
            }
            _ => {
                if self.failures.swap(0, Ordering::Relaxed) > 1 {
                    tracing::info!(endpoint = %self.host, "the endpoint answers again");
                }
            }
        }
        outcome
    }

    /// The same after it has said again which chain it serves: its address may lead to another node than before.
    pub(crate) async fn call_anew<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, Fault> {
        // Who serves another chain is asked seldom enough.
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(_, id)| *id == self.chain_id);
        self.call(method, params).await
    }

    async fn call_on_chain<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Fault> {
        self.on_chain().await?;
        self.request(method, params).await
    }

    async fn both_on_chain<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        first: (&str, Value),
        second: (&str, Value),
    ) -> Result<(A, B), Fault> {
        self.on_chain().await?;
        if !self.one_by_one.load(Ordering::Relaxed) {
            let questions = json!([question(1, first.0, &first.1), question(2, second.0, &second.1)]);
            let (_, body) = self.exchange(&questions.to_string()).await?;
            if let Some([first, second]) = replies(&body) {
                return Ok((result(first, &self.secrets)?, result(second, &self.secrets)?));
            }
        }
        let answers = (self.request(first.0, first.1).await?, self.request(second.0, second.1).await?);
        self.one_by_one.store(true, Ordering::Relaxed);
        Ok(answers)
    }

    async fn on_chain(&self) -> Result<(), Fault> {
        let known = *self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |id| if id == self.chain_id { CHAIN_HOLDS } else { OTHER_CHAIN_HOLDS };
        let id = match known {
            Some((since, id)) if since.elapsed() < holds(id) => id,
            _ => {
                let Quantity(id) = self.request("eth_chainId", json!([])).await?;
                *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), id));
                id
            }
        };
        if id == self.chain_id { Ok(()) } else { Err(Fault::OtherChain(id)) }
    }

    async fn request<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Fault> {
        let (status, body) = self.exchange(&question(1, method, &params).to_string()).await?;
        // Providers send errors of JSON-RPC with statuses of their liking.
        match read(&body, &self.secrets) {
            Err(Fault::Garbage(NO_REPLY)) if status != StatusCode::OK => Err(Fault::Status(status.as_u16())),
            outcome => outcome,
        }
    }

    async fn exchange(&self, question: &str) -> Result<(StatusCode, Vec<u8>), Fault> {
        match self.post(question).await {
            // A connection that was kept may have been closed meanwhile. To ask twice, or to send one transaction twice, is to
            // do it once.
            Err(Fault::Connection(_)) => self.post(question).await,
            outcome => outcome,
        }
    }

    async fn post(&self, question: &str) -> Result<(StatusCode, Vec<u8>), Fault> {
        let answer = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(question.to_owned())
            .send()
            .await
            .map_err(|error| self.broken(&error))?;
        Ok((answer.status(), self.body(answer).await?))
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, Fault> {
        let most = self.limits.max_answer;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + chunk.len() > most {
                return Err(Fault::TooLarge(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn broken(&self, error: &reqwest::Error) -> Fault {
        let mut root: &dyn std::error::Error = error;
        while let Some(source) = root.source() {
            root = source;
        }
        if error.is_connect() {
            Fault::Connection(clean(&format!("no connection: {root}"), &self.secrets))
        } else {
            Fault::Connection("the connection broke".to_owned())
        }
    }
}

fn question(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// The answers to questions 1 and 2, in that order; `None` where these are not both there.
fn replies(body: &[u8]) -> Option<[Reply<'_>; 2]> {
    let mut replies: Vec<Reply<'_>> = serde_json::from_slice(body).ok()?;
    replies.sort_by_key(|reply| reply.id);
    let replies: [Reply<'_>; 2] = replies.try_into().ok()?;
    (replies[0].id == Some(1) && replies[1].id == Some(2)).then_some(replies)
}

/// Reads a whole answer, of which nothing that may be one of `secrets` is passed on.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8], secrets: &[String]) -> Result<T, Fault> {
    let reply = serde_json::from_slice(body).map_err(|_| Fault::Garbage(NO_REPLY))?;
    result(reply, secrets)
}

fn result<T: DeserializeOwned>(reply: Reply<'_>, secrets: &[String]) -> Result<T, Fault> {
    if let Some(error) = reply.error {
        let data = error.data.and_then(|data| serde_json::from_str::<Bytes>(data.get()).ok());
        return Err(Fault::Refused {
            code: error.code,
            message: clean(&error.message, secrets),
            data: data.map(|bytes| bytes.0),
        });
    }
    let result = reply.result.ok_or(Fault::Garbage("it has no result"))?;
    serde_json::from_str(result.get()).map_err(|_| Fault::Garbage("it has another shape"))
}

/// Asks an endpoint of which nothing is known yet.
pub(crate) async fn chain_id(url: Url) -> Result<u64, Fault> {
    let limits = Limits { timeout: Duration::from_secs(10), max_answer: 64 << 10 };
    let client = Clients::default().of(&url);
    let client = client.map_err(|error| Fault::Connection(error.without_url().to_string()))?;
    let endpoint = Endpoint::new(url, 0, limits, client);
    let asked = timeout(limits.timeout, endpoint.request("eth_chainId", json!([]))).await;
    let Quantity(id) = asked.map_err(|_| Fault::Timeout(limits.timeout))??;
    Ok(id)
}

#[derive(Deserialize)]
struct Reply<'a> {
    /// Where several are asked at once; else there is one answer.
    #[serde(default, deserialize_with = "number")]
    id: Option<u64>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<ReplyError<'a>>,
}

#[derive(Deserialize)]
struct ReplyError<'a> {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Anything else is no id of ours.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Value::deserialize(deserializer).map(|id| id.as_u64())
}

/// `null` is a result too: what was asked for is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What is shown of an address.
pub(crate) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

/// The parts of an address that may be a key, as they stand in it.
fn secrets(url: &Url) -> Vec<String> {
    let path = url.path_segments().into_iter().flatten().map(str::to_owned);
    let query = url.query_pairs().map(|(_, value)| value.into_owned());
    let password = url.password().map(str::to_owned);
    path.chain(query).chain(password).filter(|part| part.len() >= KEY_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_by_its_host_alone() {
        let url: Url = "https://me:secret-pass@rpc.example:8545/v3/0123456789abcdef?key=fedcba9876543210"
            .parse()
            .unwrap();
        assert_eq!(host(&url), "rpc.example:8545");
        assert_eq!(secrets(&url), ["0123456789abcdef", "fedcba9876543210", "secret-pass"]);
    }
}
