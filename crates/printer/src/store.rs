//! Talking to a store over HTTP.

mod download;
mod events;
pub(crate) mod pairing;

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sealpost_api::{
    AGENT_HEADER, MEMORY_HEADER, PROTECTION_HEADER, Problem,
    account::{LoginRequest, LoginResponse},
    pairing::{
        Challenge, ChallengeAnswer, ChallengeRequest, PairSession, PairStart, PairStarted, PairStatus,
        RefreshedToken, RegisterPrinter, RegisteredPrinter, SealedAnswer,
    },
    printer::{ClaimRequest, ClaimedJob, LegacyJobStatus, Poll, ReportStatus, Reported, SignedKeySet},
};
use sealpost_envelope::{PrinterSecret, SealedMessage, SecretText, challenge};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    core::{Outgoing, Trouble},
    problem::coded,
    state::StoredToken,
};

pub use self::download::{Download, Downloaded};
pub(crate) use self::download::{clean, make_room};
pub(crate) use self::events::listen;

/// Largest answer that is read, bytes.
const ANSWER_LIMIT: usize = 1 << 20;
/// How long a connection is kept for the next request. Stores close silent ones after 30 s, and what is sent at that very moment
/// is lost.
const IDLE: Duration = Duration::from_secs(20);
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A store.
#[derive(Clone, Debug)]
pub struct Store {
    http: Client,
    base: Url,
    /// The id of the state document.
    memory: Option<reqwest::header::HeaderValue>,
    /// How much the settings have prints protected, where that is known.
    protection: Option<&'static str>,
}

/// A client for all requests of this program. Redirects are not followed: a token goes to the store it is for.
pub fn client() -> Result<Client, Problem> {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert(AGENT_HEADER, reqwest::header::HeaderValue::from_static("1"));
    Client::builder()
        .user_agent(format!("sealpost-printer/{VERSION}"))
        .default_headers(headers)
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE)
        .build()
        .map_err(|error| {
            Problem::new(500, "no_http_client", "The network cannot be used")
                .detail(error.to_string())
                .hint("Restart the agent; if it stays, report it.")
        })
}

impl Store {
    /// The store at an origin.
    pub fn new(http: Client, base: Url) -> Self {
        Self { http, base, memory: None, protection: None }
    }

    /// The same, told which state document this agent remembers by.
    #[must_use]
    pub fn remembering(mut self, document: &str) -> Self {
        self.memory = document.parse().ok();
        self
    }

    /// The same, told whether other programs on the printer may look into prints.
    #[must_use]
    pub fn protecting(mut self, reduced: bool) -> Self {
        self.protection = Some(if reduced { "reduced" } else { "full" });
        self
    }

    /// Its origin.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Signs a person in.
    pub async fn login(&self, username: String, password: String) -> Result<LoginResponse, Problem> {
        let request = LoginRequest { email: None, username: Some(username), password };
        self.post("auth/login", None, &request).await.map_err(into_problem)
    }

    /// Registers this printer for the person a user token belongs to.
    pub async fn register(
        &self,
        user: &SecretText,
        printer: &RegisterPrinter,
    ) -> Result<RegisteredPrinter, Problem> {
        self.post("api/register-printer", Some(user), printer).await.map_err(into_problem)
    }

    pub(crate) async fn pair_start(&self, request: &PairStart) -> Result<PairStarted, Problem> {
        self.post("api/printers/pair/start", None, request).await.map_err(into_problem)
    }

    pub(crate) async fn pair_status(&self, session: &str) -> Result<PairStatus, Problem> {
        let session = PairSession { session_id: session.to_owned() };
        self.post("api/printers/pair/status", None, &session).await.map_err(into_problem)
    }

    pub(crate) async fn pair_complete(&self, session: &str) -> Result<SealedAnswer, Problem> {
        let session = PairSession { session_id: session.to_owned() };
        self.post("api/printers/pair/complete", None, &session).await.map_err(into_problem)
    }

    /// Lists jobs without keys.
    pub async fn poll(&self, token: &SecretText) -> Result<Poll, Trouble> {
        self.read(self.authorized(self.http.get(self.at("api/printer-agent/poll-print-queue")?), token)).await
    }

    /// Claims a job after the lease it was listed with: its key is released.
    pub async fn claim(
        &self,
        token: &SecretText,
        job: &str,
        nonce: &str,
        after: u64,
    ) -> Result<ClaimedJob, Trouble> {
        let request = ClaimRequest { nonce: nonce.to_owned(), after: Some(after) };
        self.post(&format!("api/v1/jobs/{job}/claim"), Some(token), &request).await
    }

    /// The store's key set, a compact JWS that nobody checked yet.
    pub async fn keys(&self) -> Result<String, Trouble> {
        let answer: SignedKeySet = self.read(self.http.get(self.at("api/v1/keys")?)).await?;
        Ok(answer.key_set)
    }

    /// Sends one report. Jobs that came without a lease number are reported as LMNT's printers do.
    pub async fn report(&self, token: &SecretText, outgoing: &Outgoing) -> Result<Reported, Trouble> {
        let Outgoing { job, report } = outgoing;
        if report.lease > 0 {
            return self.post(&format!("api/v1/jobs/{job}/reports"), Some(token), report).await;
        }
        let request = LegacyJobStatus {
            status: legacy_status(report.status).to_owned(),
            message: report.message.clone(),
            statistics: report.statistics.clone(),
        };
        let path = format!("api/printer-agent/1.0.0/job-status/{job}");
        let _: serde_json::Value = self.post(&path, Some(token), &request).await?;
        Ok(Reported {
            print_job_id: job.clone(),
            state: sealpost_market::JobState::Processing,
            cancel_requested: false,
        })
    }

    /// A new token by the old one.
    pub async fn refresh(&self, token: &SecretText, now: u64) -> Result<StoredToken, Trouble> {
        let answer: RefreshedToken =
            self.post("api/printer-agent/refresh-token", Some(token), &serde_json::json!({})).await?;
        let expires = rfc3339(&answer.token_expires).ok_or_else(|| Trouble::Retry(malformed()))?;
        Ok(StoredToken { token: SecretText::new(answer.printer_token), issued: now, expires })
    }

    /// A new token by the identity key.
    pub async fn reissue(
        &self,
        printer: &str,
        secret: &PrinterSecret,
        now: u64,
    ) -> Result<StoredToken, Trouble> {
        let origin = origin(&self.base);
        let request = ChallengeRequest { printer_id: printer.to_owned() };
        let asked: Challenge = self.post("api/printers/challenge", None, &request).await?;
        let refused = |error: sealpost_envelope::SealedError| {
            Trouble::Retry(coded(502, "The store's challenge was refused", &error))
        };
        let opened =
            challenge::Challenge::open(&message(&asked.sealed), secret, &origin, printer).map_err(refused)?;
        let answer = ChallengeAnswer {
            challenge_id: asked.challenge_id,
            printer_id: printer.to_owned(),
            answer: opened.answer().map_err(refused)?,
        };
        let sealed: SealedAnswer = self.post("api/printers/token", None, &answer).await?;
        let grant = challenge::TokenGrant::open(&message(&sealed), secret, &opened).map_err(refused)?;
        Ok(StoredToken { token: grant.token, issued: now, expires: grant.expires_at })
    }

    fn at(&self, path: &str) -> Result<Url, Trouble> {
        self.base.join(path).map_err(|_| Trouble::Refused(malformed()))
    }

    fn authorized(&self, request: RequestBuilder, token: &SecretText) -> RequestBuilder {
        let request = request.bearer_auth(token.expose());
        let request = match &self.memory {
            Some(memory) => request.header(MEMORY_HEADER, memory),
            None => request,
        };
        match self.protection {
            Some(protection) => request.header(PROTECTION_HEADER, protection),
            None => request,
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&SecretText>,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, Trouble> {
        let request = self.http.post(self.at(path)?).json(body).timeout(Duration::from_secs(55));
        match token {
            Some(token) => self.read(self.authorized(request, token)).await,
            // Without a token a 401 is about what was sent, and the store says what.
            None => parse(check_anonymous(request.send().await.map_err(network)?).await?).await,
        }
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Trouble> {
        parse(check(request.send().await.map_err(network)?).await?).await
    }
}

/// Scheme, host and port of an address, as signed statements write it.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Unix seconds of an RFC 3339 time.
pub(crate) fn rfc3339(text: &str) -> Option<u64> {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp()).ok()
}

pub(crate) fn message(sealed: &SealedAnswer) -> SealedMessage {
    SealedMessage {
        ciphertext: sealed.ciphertext.clone(),
        nonce: sealed.nonce.clone(),
        sender_pubkey: sealed.sender_pubkey.clone(),
    }
}

pub(crate) fn into_problem(trouble: Trouble) -> Problem {
    match trouble {
        Trouble::Retry(problem) | Trouble::Refused(problem) => problem,
        Trouble::Unauthorized => Problem::new(401, "token_refused", "The store does not take the token")
            .hint("Sign in again, or pair the printer again."),
    }
}

async fn parse<T: DeserializeOwned>(response: Response) -> Result<T, Trouble> {
    let body = limited_body(response).await?;
    serde_json::from_slice(&body).map_err(|_| Trouble::Retry(malformed()))
}

/// The answer to a request that carried a token.
async fn check(response: Response) -> Result<Response, Trouble> {
    if response.status() == StatusCode::UNAUTHORIZED {
        return Err(Trouble::Unauthorized);
    }
    check_anonymous(response).await
}

/// The answer, or what the store says is wrong.
async fn check_anonymous(response: Response) -> Result<Response, Trouble> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = limited_body(response).await.unwrap_or_default();
    let mut problem = serde_json::from_slice::<Problem>(&body).unwrap_or_else(|_| {
        Problem::new(status.as_u16(), "store_error", "The store answered with an error")
            .detail(format!("HTTP status {status}"))
            .hint("Is this the address of a Sealpost store?")
    });
    problem.status = status.as_u16();
    let again = status.is_server_error()
        || status.is_redirection()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY
        );
    Err(if again { Trouble::Retry(problem) } else { Trouble::Refused(problem) })
}

async fn limited_body(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(Trouble::Retry(malformed()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Addresses stay out of the text: they can hold names of jobs.
pub(crate) fn network(error: reqwest::Error) -> Trouble {
    let what = if error.is_timeout() {
        "the store did not answer in time".to_owned()
    } else if error.is_connect() {
        "no connection to the store".to_owned()
    } else {
        "the connection to the store broke".to_owned()
    };
    let mut source: &dyn std::error::Error = &error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    let deepest = if std::ptr::eq(source, &error as &dyn std::error::Error) {
        String::new()
    } else {
        format!(": {source}")
    };
    Trouble::Retry(
        Problem::new(503, "store_unreachable", "The store is not reached")
            .detail(format!("{what}{deepest}"))
            .hint("Check the printer's network and the store's address; the agent keeps trying."),
    )
}

fn malformed() -> Problem {
    Problem::new(502, "store_protocol", "The store answered something else than expected")
        .hint("Check the store's address; update agent and store to matching versions.")
}

/// Without a lease number there is no report id either; the words are the store's own.
fn legacy_status(status: ReportStatus) -> &'static str {
    match status {
        ReportStatus::Processing => "processing",
        ReportStatus::Starting | ReportStatus::Printing => "printing",
        ReportStatus::Paused => "paused",
        ReportStatus::Success => "success",
        ReportStatus::Failure => "failure",
        ReportStatus::Cancelled => "cancelled",
        ReportStatus::Interrupted => "interrupted",
    }
}
