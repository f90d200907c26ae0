//! What the tests share.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Json, Router, body::Body, routing::get};
use futures::future::BoxFuture;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use sea_orm::ConnectionTrait;
use sealpost_accounts::{
    Accounts, Actor, ApiError, audit,
    random::{id_bytes, system_rng},
};
use sealpost_api::pairing::{PairStarted, SealedAnswer};
use sealpost_database::{Clock, Database, Tx};
use sealpost_envelope::{PrinterSecret, SealedMessage, pairing::Grant};
use sealpost_keyring::{Kek, KekProvider};
use sealpost_market::{AccountId, PrinterId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::super::{AgentAuth, Around, Identity, Protocol, router};
use crate::hub::Hub;
use crate::live::Live;

pub(super) const ORIGIN: &str = "https://store.example";
const START: i64 = 1_800_000_000_000;

pub(super) struct Rig {
    pub(super) identity: Identity,
    pub(super) db: Database,
    router: Router,
    now: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Rig {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::connect(&database(folder.path()).await).await.unwrap();
        // What printers are at stands in tables of the store.
        db.migrate(crate::migrations::all()).await.unwrap();
        let now = Arc::new(AtomicI64::new(START));
        let clock = {
            let now = now.clone();
            Clock::new(move || now.load(Ordering::SeqCst))
        };
        let keks: Arc<dyn KekProvider> = Arc::new(Kek::generate(&mut system_rng()));
        let limits = sealpost_accounts::Limits::default();
        let config = sealpost_accounts::Config {
            issuer: ORIGIN.to_owned(),
            registration: sealpost_accounts::Registration::Open,
            limits,
            mail: None,
            chain_id: 1,
        };
        let accounts = Accounts::new(db.clone(), clock.clone(), keks.clone(), config);
        let rates = crate::RateLimits::default();
        let identity = Identity::open(
            db.clone(),
            clock,
            keks,
            accounts,
            ORIGIN.to_owned(),
            &rates,
            Around { hub: Hub::new(Live::default()), left },
        );
        let identity = identity.await.unwrap();
        let routes = router::<Identity>().merge(sealpost_accounts::router::<Identity>());
        let router = routes.split_for_parts().0.route("/whoami", get(whoami)).with_state(identity.clone());
        Self { identity, db, router, now, _folder: folder }
    }

    pub(super) fn pass_s(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Status and JSON of a request; an empty body is null.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(super) async fn post(&self, path: &str, token: Option<&str>, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, token, Some(&body)).await
    }

    pub(super) async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        self.call(Method::GET, path, token, None).await
    }

    /// Token and id of a new person.
    pub(super) async fn person(&self, name: &str) -> (String, String) {
        let account = json!({"email": format!("{name}@example.org"), "password": "plum tractor seven"});
        let (status, answer) = self.post("/api/v1/accounts", None, account).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        (text("token"), text("user_id"))
    }

    /// Token of the first operator.
    pub(super) async fn operator(&self) -> String {
        let setup = self.identity.accounts().issue_setup_token().await.unwrap().unwrap();
        let body = json!({"setup_token": setup.expose(), "email": "op@example.org", "password": "plum tractor seven"});
        let (status, answer) = self.post("/api/v1/setup", None, body).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    pub(super) async fn start(&self, secret: &PrinterSecret) -> PairStarted {
        let body = json!({
            "public_key": secret.public().to_string(), "key_type": "x25519", "key_id": secret.public().key_id(),
            "printer": {"name": "Voron", "manufacturer": "VORON Design", "model": "2.4", "extruder_count": 1},
        });
        let (status, answer) = self.post("/api/printers/pair/start", None, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    pub(super) async fn approve(&self, started: &PairStarted, user: &str) -> (StatusCode, Value) {
        let path = format!("/api/v1/pairings/{}/approve", started.pairing_code);
        self.post(&path, Some(user), json!({})).await
    }

    pub(super) async fn status(&self, started: &PairStarted) -> String {
        let body = json!({"session_id": started.session_id});
        let (status, answer) = self.post("/api/printers/pair/status", None, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["status"].as_str().unwrap().to_owned()
    }

    /// As a Sealpost agent does: others are told the end of the token in another form.
    pub(super) async fn complete(&self, started: &PairStarted) -> (StatusCode, Value) {
        let request = Request::post("/api/printers/pair/complete")
            .header(sealpost_api::AGENT_HEADER, "1")
            .header(header::CONTENT_TYPE, "application/json");
        let body = json!({"session_id": started.session_id}).to_string();
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// The grant of an approved session, opened with the printer's key.
    pub(super) async fn grant(&self, started: &PairStarted, secret: &PrinterSecret) -> Grant {
        let (status, answer) = self.complete(started).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        Grant::open(&sealed(answer), secret, ORIGIN, &started.session_id).unwrap()
    }

    /// A printer of `user` that has not used its token yet.
    pub(super) async fn paired(&self, secret: &PrinterSecret, user: &str) -> Grant {
        let started = self.start(secret).await;
        let (status, answer) = self.approve(&started, user).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        self.grant(&started, secret).await
    }

    pub(super) async fn whoami(&self, token: &str) -> (StatusCode, Value) {
        self.get("/whoami", Some(token)).await
    }
}

/// A SQLite file, or a fresh database of the PostgreSQL server that `SEALPOST_TEST_POSTGRES_URL` names.
async fn database(folder: &Path) -> String {
    let Ok(server) = std::env::var("SEALPOST_TEST_POSTGRES_URL") else {
        return format!("sqlite:{}", folder.join("db").display());
    };
    let name = format!("identity_{}", hex::encode(id_bytes(&mut system_rng())));
    let connection = sea_orm::Database::connect(format!("{server}/postgres")).await.unwrap();
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    connection.close().await.unwrap();
    format!("{server}/{name}")
}

pub(super) fn printer_secret() -> PrinterSecret {
    PrinterSecret::generate(&mut system_rng())
}

pub(super) fn sealed(answer: Value) -> SealedMessage {
    let answer: SealedAnswer = serde_json::from_value(answer).unwrap();
    SealedMessage { ciphertext: answer.ciphertext, nonce: answer.nonce, sender_pubkey: answer.sender_pubkey }
}

pub(super) fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap_or_default()
}

async fn whoami(agent: AgentAuth) -> Json<Value> {
    let protocol = if agent.protocol == Protocol::Sealpost { "sealpost" } else { "lmnt" };
    Json(json!({
        "id": agent.id, "owner": agent.owner, "protocol": protocol,
        "public_key": agent.public_key.to_string(),
    }))
}

fn left<'t>(
    tx: &'t Tx,
    _: &'t Hub,
    printer: PrinterId,
    owner: AccountId,
    now: i64,
) -> BoxFuture<'t, Result<(), ApiError>> {
    Box::pin(async move {
        let (subject, details) = (format!("left:{printer}"), json!({"owner": owner.as_str()}));
        Ok(audit::record(tx, now, &Actor::System, "test.left", &subject, details).await?)
    })
}
