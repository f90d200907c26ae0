//! A store with just what an agent asks for, and knobs to make it lie.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response, Sse, sse},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{Stream, StreamExt, stream};
use sealpost_api::{
    pairing::{ChallengeAnswer, ChallengeRequest, PairSession, PairStart, SealedAnswer},
    printer::{ClaimRequest, ClaimedJob, JobOffer, LegacyJobStatus, Poll, Report, Reported, SignedKeySet},
};
use sealpost_envelope::{
    ContentCipher, Dek, Digest, JobManifest, KeySet, KeyUse, PrinterPublic, SealedMessage, Sealer,
    SecretText, SigningKey, challenge, keyset::SetKey, manifest::package_hash, nacl_box, pairing::Grant,
};
use sealpost_market::JobState;
use sealpost_printer::machine::rng;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

pub(crate) const PRINTER: &str = "p_1";

/// Something that is changed before it is sent.
pub(crate) type Change<T> = Box<dyn Fn(&mut T) + Send>;

/// A running store.
#[derive(Clone)]
pub(crate) struct FakeStore {
    pub(crate) url: String,
    pub(crate) inner: Arc<Mutex<Inner>>,
    pub(crate) signal: watch::Sender<u64>,
}

pub(crate) struct Inner {
    pub(crate) origin: String,
    pub(crate) root: SigningKey,
    pub(crate) signing: SigningKey,
    pub(crate) key_set_version: u64,
    pub(crate) printer: Option<PrinterPublic>,
    pub(crate) token: u64,
    pub(crate) jobs: Vec<FakeJob>,
    pub(crate) cancel: Vec<String>,
    challenge: Option<challenge::Challenge>,
    /// Requests by path, for counting.
    pub(crate) asked: HashMap<String, usize>,
    /// Changes a claim's answer on its way.
    pub(crate) meddle: Option<Change<ClaimedJob>>,
    /// Changes what is signed.
    pub(crate) mislead: Option<Change<JobManifest>>,
    /// Answers every report with this status.
    pub(crate) refuse_reports: Option<StatusCode>,
    /// Wraps keys with this one, as stores did whose printers' keys were in custody.
    pub(crate) psek: Option<[u8; 32]>,
    /// Answers every download with this instead of the file.
    pub(crate) withhold: Option<(StatusCode, &'static str)>,
    /// Ends a download after so many bytes.
    pub(crate) cut: Option<usize>,
}

pub(crate) struct FakeJob {
    pub(crate) id: String,
    pub(crate) state: JobState,
    pub(crate) lease: u64,
    pub(crate) cipher: ContentCipher,
    pub(crate) blob: Vec<u8>,
    pub(crate) plain: Digest,
    dek: Dek,
    iv: Option<[u8; 16]>,
    pub(crate) reports: Vec<Report>,
    /// In the words of LMNT's printers.
    pub(crate) said: Vec<String>,
}

impl Inner {
    /// The key of a job for the printer, in a new lease.
    fn release(&mut self, id: &str, nonce: String) -> ClaimedJob {
        let (origin, printer) = (self.origin.clone(), self.printer.unwrap());
        let job = self.jobs.iter_mut().find(|job| job.id == id).unwrap();
        job.lease += 1;
        job.state = JobState::Processing;
        let package = match &self.psek {
            Some(key) => wrap_with_psek(key, &job.dek),
            None => nacl_box::wrap(&job.dek, &printer, &mut rng()).unwrap(),
        };
        let blob = Digest::of(&job.blob);
        let mut manifest = JobManifest {
            iss: origin.clone(),
            aud: PRINTER.to_owned(),
            job: id.to_owned(),
            listing: "l_1".to_owned(),
            release: "r_1".to_owned(),
            nonce,
            cipher: job.cipher,
            iv: job.iv,
            blob_sha256: blob.sha256,
            blob_size: blob.size,
            key_sha256: package_hash(&package),
            plain_sha256: job.plain.sha256,
            plain_size: job.plain.size,
            iat: now(),
            exp: now() + 3600,
        };
        let mut claimed = ClaimedJob {
            print_job_id: id.to_owned(),
            purchase_id: "pu_1".to_owned(),
            status: job.state,
            title: format!("Part {id}"),
            encrypted_gcode_download_url: format!(
                "{origin}/api/printer-agent/download-gcode?print_job_id={id}"
            ),
            gcode_dek_encrypted_hex: package.clone(),
            gcode_dek_package: package,
            gcode_iv_hex: job.iv.map(hex::encode),
            cipher: job.cipher.to_string(),
            job_manifest: String::new(),
            lease: job.lease,
            lease_seconds: 90,
            user_account_id: "a_1".to_owned(),
            printer_kek_id: printer.key_id(),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
        };
        if let Some(mislead) = &self.mislead {
            mislead(&mut manifest);
        }
        claimed.job_manifest = manifest.sign(&self.signing).unwrap();
        if let Some(meddle) = &self.meddle {
            meddle(&mut claimed);
        }
        claimed
    }
}

impl FakeJob {
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.reports.iter().map(|report| format!("{:?}", report.status).to_lowercase()).collect()
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

impl FakeStore {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = || {
            let mut bytes = [0; 32];
            rand_core::Rng::fill_bytes(&mut rng(), &mut bytes);
            SigningKey::from_bytes(&bytes)
        };
        let inner = Inner {
            origin: url.clone(),
            root: key(),
            signing: key(),
            key_set_version: 1,
            printer: None,
            token: 1,
            jobs: Vec::new(),
            cancel: Vec::new(),
            challenge: None,
            asked: HashMap::new(),
            meddle: None,
            mislead: None,
            refuse_reports: None,
            psek: None,
            withhold: None,
            cut: None,
        };
        let store = Self { url, inner: Arc::new(Mutex::new(inner)), signal: watch::Sender::new(0) };
        let routes = Router::new()
            .route("/api/printers/pair/start", post(pair_start))
            .route("/api/printers/pair/status", post(pair_status))
            .route("/api/printers/pair/complete", post(pair_complete))
            .route("/api/printers/challenge", post(challenged))
            .route("/api/printers/token", post(token))
            .route("/api/printer-agent/poll-print-queue", get(poll))
            .route("/api/printer-agent/download-gcode", get(download))
            .route("/api/printer-agent/refresh-token", post(refresh))
            .route("/api/printer-agent/events", get(events))
            .route("/api/v1/keys", get(keys))
            .route("/api/v1/jobs/{id}/claim", post(claim))
            .route("/api/v1/jobs/{id}/reports", post(report))
            .route("/api/printer-agent/1.0.0/job-status/{id}", post(job_status))
            .with_state(store.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        store
    }

    /// A job that waits.
    pub(crate) fn add_job(&self, id: &str, cipher: ContentCipher, plain: &[u8]) {
        let dek = Dek::generate(&mut rng());
        let mut sealer = Sealer::new(cipher, &dek, &mut rng(), Vec::new()).unwrap();
        std::io::Write::write_all(&mut sealer, plain).unwrap();
        let iv = sealer.iv();
        let blob = sealer.finish().unwrap();
        self.inner.lock().unwrap().jobs.push(FakeJob {
            id: id.to_owned(),
            state: JobState::ReadyToPrint,
            lease: 0,
            cipher,
            blob,
            plain: Digest::of(plain),
            dek,
            iv,
            reports: Vec::new(),
            said: Vec::new(),
        });
        self.signal.send_modify(|count| *count += 1);
    }

    /// A sealed job as it is carried to a printer by hand.
    pub(crate) fn carried(&self, id: &str) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let claimed = inner.release(id, format!("store-{id}"));
        let blob = inner.jobs.iter().find(|job| job.id == id).unwrap().blob.clone();
        json!({
            "job_id": id, "encrypted_gcode": BASE64_STANDARD.encode(blob),
            "gcode_dek_package": claimed.gcode_dek_package, "gcode_iv_hex": claimed.gcode_iv_hex,
            "job_manifest": claimed.job_manifest, "filename": "part.gcode",
        })
    }

    /// Looks at a job.
    pub(crate) fn job<T>(&self, id: &str, look: impl FnOnce(&mut FakeJob) -> T) -> T {
        look(self.inner.lock().unwrap().jobs.iter_mut().find(|job| job.id == id).unwrap())
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap())
    }

    fn count(&self, path: &str) {
        *self.inner.lock().unwrap().asked.entry(path.to_owned()).or_default() += 1;
    }

    fn authorized(&self, headers: &HeaderMap) -> bool {
        let expected = format!("Bearer token-{}", self.inner.lock().unwrap().token);
        headers.get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes())
    }
}

/// Hex of `iv16 ‖ AES-256-CBC(PSEK, content key)`.
pub(crate) fn wrap_with_psek(key: &[u8; 32], dek: &Dek) -> String {
    use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
    let iv = [0x5a; 16];
    let sealed =
        cbc::Encryptor::<aes::Aes256>::new(key.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(dek.expose());
    hex::encode([iv.as_slice(), &sealed].concat())
}

fn sealed(message: SealedMessage) -> SealedAnswer {
    SealedAnswer {
        ciphertext: message.ciphertext,
        nonce: message.nonce,
        sender_pubkey: message.sender_pubkey,
        printer_id: None,
        expires_at: None,
    }
}

fn problem(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({"status": status.as_u16(), "code": code, "title": code}))).into_response()
}

fn unauthorized() -> Response {
    problem(StatusCode::UNAUTHORIZED, "token_void")
}

async fn pair_start(State(store): State<FakeStore>, Json(request): Json<PairStart>) -> Json<Value> {
    let mut inner = store.inner.lock().unwrap();
    inner.printer = Some(request.public_key.parse().unwrap());
    let root = hex::encode(inner.root.verifying_key().as_bytes());
    Json(json!({
        "session_id": "session", "pairing_code": "BCDF-GHJK", "interval": 1, "expires_in": 600,
        "verification_uri": format!("{}/pair", inner.origin),
        "verification_uri_complete": format!("{}/pair#BCDF-GHJK", inner.origin),
        "expires_at": "2100-01-01T00:00:00Z", "store_root_key": root, "origin": inner.origin,
    }))
}

async fn pair_status(Json(_): Json<PairSession>) -> Json<Value> {
    Json(json!({"status": "approved", "interval": 1}))
}

async fn pair_complete(
    State(store): State<FakeStore>,
    Json(request): Json<PairSession>,
) -> Json<SealedAnswer> {
    let inner = store.inner.lock().unwrap();
    let grant = Grant {
        origin: inner.origin.clone(),
        session: request.session_id,
        store_root_key: inner.root.verifying_key(),
        printer_id: PRINTER.to_owned(),
        token: SecretText::new(format!("token-{}", inner.token)),
        expires_at: now() + 30 * 24 * 3600,
    };
    Json(sealed(grant.seal(&inner.printer.unwrap(), &mut rng()).unwrap()))
}

async fn challenged(State(store): State<FakeStore>, Json(request): Json<ChallengeRequest>) -> Json<Value> {
    store.count("challenge");
    let mut inner = store.inner.lock().unwrap();
    let challenge = challenge::Challenge::new(&inner.origin, &request.printer_id, &mut rng());
    let message = challenge.seal(&inner.printer.unwrap(), &mut rng()).unwrap();
    inner.challenge = Some(challenge);
    Json(json!({"challenge_id": "c", "sealed": sealed(message)}))
}

async fn token(State(store): State<FakeStore>, Json(request): Json<ChallengeAnswer>) -> Response {
    let mut inner = store.inner.lock().unwrap();
    let Some(challenge) = inner.challenge.take() else { return unauthorized() };
    if challenge.check_answer(&request.answer).is_err() {
        return unauthorized();
    }
    let grant = challenge::TokenGrant {
        token: SecretText::new(format!("token-{}", inner.token)),
        expires_at: now() + 30 * 24 * 3600,
    };
    Json(sealed(grant.seal(&challenge, &inner.printer.unwrap(), &mut rng()).unwrap())).into_response()
}

async fn poll(State(store): State<FakeStore>, headers: HeaderMap) -> Response {
    store.count("poll");
    if !store.authorized(&headers) {
        return unauthorized();
    }
    let inner = store.inner.lock().unwrap();
    let waits = |job: &&FakeJob| {
        job.state == JobState::ReadyToPrint
            || (job.state == JobState::Processing
                && job.statuses().iter().all(|status| status == "processing"))
    };
    let jobs = inner.jobs.iter().filter(waits).map(|job| JobOffer {
        print_job_id: job.id.clone(),
        status: job.state,
        title: format!("Part {}", job.id),
        blob_size: job.blob.len() as u64,
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        lease: job.lease,
    });
    Json(Poll {
        jobs: jobs.collect(),
        cancel_requested: inner.cancel.clone(),
        key_set_version: inner.key_set_version,
    })
    .into_response()
}

async fn keys(State(store): State<FakeStore>) -> Json<SignedKeySet> {
    let inner = store.inner.lock().unwrap();
    let set = KeySet {
        iss: inner.origin.clone(),
        version: inner.key_set_version,
        iat: now(),
        keys: vec![SetKey::new(KeyUse::Jobs, inner.signing.verifying_key())],
    };
    Json(SignedKeySet { key_set: set.sign(&inner.root).unwrap() })
}

async fn claim(
    State(store): State<FakeStore>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(request): Json<ClaimRequest>,
) -> Response {
    if !store.authorized(&headers) {
        return unauthorized();
    }
    let mut inner = store.inner.lock().unwrap();
    if inner.jobs.iter().all(|job| job.id != id) {
        return problem(StatusCode::NOT_FOUND, "unknown_job");
    }
    Json(inner.release(&id, request.nonce)).into_response()
}

async fn report(
    State(store): State<FakeStore>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(report): Json<Report>,
) -> Response {
    store.count("report");
    if !store.authorized(&headers) {
        return unauthorized();
    }
    let mut inner = store.inner.lock().unwrap();
    if let Some(status) = inner.refuse_reports {
        return problem(status, "report_refused");
    }
    let cancel_requested = inner.cancel.contains(&id);
    let Some(job) = inner.jobs.iter_mut().find(|job| job.id == id) else {
        return problem(StatusCode::NOT_FOUND, "unknown_job");
    };
    if report.lease != job.lease {
        return problem(StatusCode::CONFLICT, "old_lease");
    }
    job.state = match format!("{:?}", report.status).as_str() {
        "Processing" => JobState::Processing,
        "Starting" | "Printing" => JobState::Printing,
        "Paused" => JobState::Paused,
        "Success" => JobState::Success,
        "Failure" => JobState::Failure,
        "Cancelled" => JobState::Cancelled,
        _ => JobState::Interrupted,
    };
    if job.reports.iter().all(|known| known.report_id != report.report_id) {
        job.reports.push(report);
    }
    Json(Reported { print_job_id: id, state: job.state, cancel_requested }).into_response()
}

async fn job_status(
    State(store): State<FakeStore>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(report): Json<LegacyJobStatus>,
) -> Response {
    if !store.authorized(&headers) {
        return unauthorized();
    }
    store.job(&id, |job| job.said.push(report.status));
    Json(json!({})).into_response()
}

async fn download(
    State(store): State<FakeStore>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    store.count("download");
    if !store.authorized(&headers) {
        return unauthorized();
    }
    let inner = store.inner.lock().unwrap();
    if let Some((status, code)) = inner.withhold {
        return problem(status, code);
    }
    let blob = &inner.jobs.iter().find(|job| job.id == query["print_job_id"]).unwrap().blob;
    let from = headers.get("range").and_then(|range| {
        range.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
    });
    let start = from.unwrap_or(0).min(blob.len());
    let end = inner.cut.map_or(blob.len(), |cut| cut.clamp(start, blob.len()));
    let body = blob[start..end].to_vec();
    match from {
        Some(_) => {
            let range = format!("bytes {start}-{}/{}", blob.len() - 1, blob.len());
            (StatusCode::PARTIAL_CONTENT, [("content-range", range), ("etag", "\"b\"".to_owned())], body)
                .into_response()
        }
        None => ([("etag", "\"b\"")], body).into_response(),
    }
}

async fn refresh(State(store): State<FakeStore>, headers: HeaderMap) -> Response {
    if !store.authorized(&headers) {
        return unauthorized();
    }
    let inner = store.inner.lock().unwrap();
    Json(json!({"printer_token": format!("token-{}", inner.token), "token_expires": "2100-01-01T00:00:00Z"}))
        .into_response()
}

async fn events(State(store): State<FakeStore>) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let events = stream::unfold(store.signal.subscribe(), |mut signal| async move {
        signal.changed().await.ok()?;
        Some((Ok(sse::Event::default().event("jobs").data("{}")), signal))
    });
    Sse::new(events.boxed()).keep_alive(sse::KeepAlive::default())
}
