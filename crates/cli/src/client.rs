//! A typed HTTP client for one store.
//!
//! Requests that create or move something carry an `Idempotency-Key`, so they can be sent again when the connection
//! is lost before the answer came: the store repeats its first answer.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RANGE},
    multipart::Form,
};
use sealpost_api::{IDEMPOTENCY_HEADER, Problem, problem};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    connection::Connection,
    failure::{Exit, Failure, Result},
    session::{Session, Sessions, Token},
    store_url::StoreUrl,
};

/// How long the store may take over one small request.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection is kept for the next request. Stores close silent ones after 30 s, and an upload that is sent at that
/// very moment is lost.
const IDLE: Duration = Duration::from_secs(20);
/// Waits between attempts when the connection is lost.
const PAUSES: [Duration; 3] = if cfg!(test) {
    [Duration::ZERO; 3]
} else {
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)]
};
/// Longest JSON answer that is read.
const ANSWER_LIMIT: usize = 16 << 20;

/// A store and who is signed in there.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    store: StoreUrl,
    session: Option<Session>,
}

impl Client {
    /// The store that is named, or that of the latest sign-in.
    pub(crate) fn open(connection: &Connection) -> Result<Self> {
        let sessions = Sessions::load()?;
        let store = connection.store_or(sessions.default_store.as_deref())?;
        let session = sessions.stores.get(&store.to_string()).cloned();
        let remembered = session.as_ref().is_some_and(|session| session.allow_http);
        store.check_transport(connection.allow_http || remembered)?;
        Self::build(store, session)
    }

    /// The store that is named, by a person who must be signed in.
    pub(crate) fn signed_in(connection: &Connection) -> Result<Self> {
        let client = Self::open(connection)?;
        if client.session.is_some() {
            return Ok(client);
        }
        Err(client.signed_out())
    }

    /// A store without anybody signed in.
    pub(crate) fn anonymous(store: StoreUrl) -> Result<Self> {
        Self::build(store, None)
    }

    /// Account of the person who is signed in.
    pub(crate) fn user_id(&self) -> Result<&str> {
        self.session.as_ref().map(|session| session.user_id.as_str()).ok_or_else(|| self.signed_out())
    }

    /// Where the store is.
    pub(crate) fn store(&self) -> &StoreUrl {
        &self.store
    }

    /// `GET` of the path made of `segments`, with a query.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        let mut url = self.store.join(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let response = self.repeat(|| self.http.request(Method::GET, url.clone()).timeout(PATIENCE)).await?;
        self.read(response).await
    }

    /// `GET` of exactly `size` bytes, which are public and never change; goes on where it broke. `seen` is told how many came.
    pub(crate) async fn download(&self, segments: &[&str], size: u64, seen: impl Fn(u64)) -> Result<Vec<u8>> {
        let url = self.store.join(segments);
        let mut body = Vec::new();
        let mut pauses = PAUSES.iter();
        loop {
            let had = body.len();
            let build = || {
                let request = self.http.request(Method::GET, url.clone());
                if had == 0 { request } else { request.header(RANGE, format!("bytes={had}-")) }
            };
            let response = self.accept(self.repeat(build).await?).await?;
            if had > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
                body.clear();
            }
            let broke = match fill(&mut body, response, size, &seen).await {
                Ok(()) if body.len() as u64 == size => return Ok(body),
                Ok(()) => "the answer ended too early".to_owned(),
                Err(Broke::TooLong) => {
                    return Err(self.no_store(format!("{} sent more than it named", self.store)));
                }
                Err(Broke::Off(cause)) => cause,
            };
            if body.len() > had {
                pauses = PAUSES.iter();
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(self.lost(broke)),
            }
        }
    }

    /// `POST` of `body`; safe to repeat.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        let response = self.send_post(segments, body).await?;
        self.read(response).await
    }

    /// `PATCH` with `body`; sets values, so it is safe to repeat.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        let url = self.store.join(segments);
        let build = || self.http.request(Method::PATCH, url.clone()).timeout(PATIENCE).json(body);
        let response = self.repeat(build).await?;
        self.read(response).await
    }

    /// `PUT` of `body`; sets what is there, so it is safe to repeat.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        let url = self.store.join(segments);
        let build = || self.http.request(Method::PUT, url.clone()).timeout(PATIENCE).json(body);
        let response = self.repeat(build).await?;
        self.read(response).await
    }

    /// `POST` of `body` whose answer is of no interest.
    pub(crate) async fn command(&self, segments: &[&str], body: &impl Serialize) -> Result<()> {
        let response = self.send_post(segments, body).await?;
        self.accept(response).await?;
        Ok(())
    }

    /// `DELETE`.
    pub(crate) async fn delete(&self, segments: &[&str]) -> Result<()> {
        let url = self.store.join(segments);
        let response =
            self.repeat(|| self.http.request(Method::DELETE, url.clone()).timeout(PATIENCE)).await?;
        self.accept(response).await?;
        Ok(())
    }

    /// `POST` of a multipart form as a stream, once, for as long as it takes.
    pub(crate) async fn upload<T: DeserializeOwned>(&self, segments: &[&str], form: Form) -> Result<T> {
        let url = self.store.join(segments);
        let request = self.authorised(self.http.request(Method::POST, url))?.multipart(form);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        self.read(response).await
    }

    fn build(store: StoreUrl, session: Option<Session>) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sealpost/", env!("CARGO_PKG_VERSION")))
            // A redirect would take tokens and uploads to an address nobody named.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(15))
            .pool_idle_timeout(IDLE)
            .tcp_keepalive(Duration::from_secs(15));
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(PATIENCE);
        }
        if store.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Failure::new("http_client", root_cause(&error)))?;
        Ok(Self { http, store, session })
    }

    async fn send_post(&self, segments: &[&str], body: &impl Serialize) -> Result<Response> {
        let url = self.store.join(segments);
        let key = random_key()?;
        // Bodies may hold passwords and voucher codes.
        let body = serde_json::to_vec(body)
            .map(Zeroizing::new)
            .map_err(|error| Failure::new("json", error.to_string()))?;
        let build = || {
            self.http
                .request(Method::POST, url.clone())
                .timeout(PATIENCE)
                .header(IDEMPOTENCY_HEADER, &key)
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_vec())
        };
        self.repeat(build).await
    }

    /// Sends a request that may be sent again. A store that cannot be reached at all is told at once.
    async fn repeat(&self, build: impl Fn() -> RequestBuilder) -> Result<Response> {
        let mut pauses = PAUSES.iter();
        let mut first = true;
        loop {
            let error = match self.authorised(build())?.send().await {
                Ok(response) if !is_passing(response.status()) => return Ok(response),
                Ok(response) => match pauses.next() {
                    Some(pause) => {
                        tokio::time::sleep(*pause).await;
                        first = false;
                        continue;
                    }
                    None => return Ok(response),
                },
                Err(error) => error,
            };
            if error.is_builder() || error.is_timeout() || (first && error.is_connect()) {
                return Err(self.unreachable(&error));
            }
            first = false;
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(self.unreachable(&error)),
            }
        }
    }

    fn authorised(&self, request: RequestBuilder) -> Result<RequestBuilder> {
        let Some(session) = &self.session else { return Ok(request) };
        Ok(request.header(AUTHORIZATION, bearer(&session.token)?))
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T> {
        let response = self.accept(response).await?;
        let body = bounded(response).await.map_err(|error| self.lost(error))?;
        // Not the parser's message alone: it says nothing of who sent what.
        serde_json::from_slice(&body).map_err(|error| {
            self.no_store(format!("{} answered with something else than expected: {error}", self.store))
        })
    }

    /// The response when it is a success, else the problem it tells.
    async fn accept(&self, response: Response) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let target =
                response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("elsewhere");
            let sentence = format!("{} sends us on to {target}", self.store);
            return Err(
                Failure::new("redirected", sentence).hint("give that address as --store when you trust it")
            );
        }
        let is_problem = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with(problem::MEDIA_TYPE));
        let body = bounded(response).await.map_err(|error| self.lost(error))?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if is_problem => Err(self.refused(problem)),
            _ => Err(self.no_store(format!("{} answered with {status}", self.store))),
        }
    }

    fn refused(&self, problem: Problem) -> Failure {
        let signed_out = problem.status == StatusCode::UNAUTHORIZED.as_u16() && self.session.is_some();
        let failure = Failure::refused(problem);
        if signed_out {
            failure.hint(format!("sign in again: sealpost login --store {}", self.store))
        } else {
            failure
        }
    }

    fn signed_out(&self) -> Failure {
        let store = &self.store;
        Failure::new("not_signed_in", format!("you are not signed in to {store}"))
            .hint(format!("sealpost login --store {store}"))
    }

    fn no_store(&self, sentence: String) -> Failure {
        Failure::new("not_a_store", sentence).hint("is this the address of a Sealpost store?")
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        self.lost(root_cause(error))
    }

    fn lost(&self, cause: String) -> Failure {
        Failure::new("unreachable", format!("could not reach {}: {cause}", self.store))
            .hint("check the address and that the store runs")
            .exit(Exit::Unreachable)
    }
}

/// A proxy in front of the store that has lost it for the moment, or a store that asks for a little patience.
fn is_passing(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

fn bearer(token: &Token) -> Result<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Failure::new("session_file", "the saved token is damaged").hint("sign in again"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why an answer did not come to its end.
enum Broke {
    TooLong,
    Off(String),
}

/// Takes what comes, up to `size` bytes in all; a store that is silent too long counts as gone.
async fn fill(body: &mut Vec<u8>, response: Response, size: u64, seen: impl Fn(u64)) -> Result<(), Broke> {
    let mut chunks = response.bytes_stream();
    loop {
        let next = tokio::time::timeout(PATIENCE, chunks.next()).await;
        let chunk = match next.map_err(|_| Broke::Off("no byte came for a minute".to_owned()))? {
            Some(chunk) => chunk.map_err(|error| Broke::Off(root_cause(&error)))?,
            None => return Ok(()),
        };
        if (body.len() + chunk.len()) as u64 > size {
            return Err(Broke::TooLong);
        }
        body.extend_from_slice(&chunk);
        seen(body.len() as u64);
    }
}

async fn bounded(response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| root_cause(&error))?;
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err("the answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost cause: "Connection refused" says more than "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn random_key() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new("randomness", error.to_string()))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests;
