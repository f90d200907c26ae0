//! Sign-up, sign-in, the first operator and the audit log, through the routes, on a SQLite file with a clock that moves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Router, body::Body};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use sea_orm::{ConnectionTrait, DbBackend};
use sealpost_accounts::{
    Accounts, Actor, ApiError, Config, Limits, Registration, audit, migrations,
    random::{id_bytes, system_rng},
    router,
};
use sealpost_database::{Clock, Database};
use sealpost_keyring::{Kek, KekProvider};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

const PASSWORD: &str = "plum tractor seven";

struct Rig {
    accounts: Accounts,
    db: Database,
    router: Router,
    now: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Rig {
    async fn new(open_registration: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::connect(&database(folder.path()).await).await.unwrap();
        db.migrate(migrations()).await.unwrap();
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock = {
            let now = now.clone();
            Clock::new(move || now.load(Ordering::SeqCst))
        };
        let keks: Arc<dyn KekProvider> = Arc::new(Kek::generate(&mut system_rng()));
        let limits = Limits::default();
        let registration = if open_registration { Registration::Open } else { Registration::Closed };
        let config = Config {
            issuer: "https://store.example".to_owned(),
            registration,
            limits,
            mail: None,
            chain_id: 1,
        };
        let accounts = Accounts::new(db.clone(), clock, keks, config);
        let router = router::<Accounts>().split_for_parts().0.with_state(accounts.clone());
        Self { accounts, db, router, now, _folder: folder }
    }

    fn pass_s(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> (StatusCode, Value) {
        let mut request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn sign_up(&self, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, "/api/v1/accounts", None, body).await
    }

    async fn login(&self, name: &str, password: &str) -> (StatusCode, Value) {
        let field = if name.contains('@') { "email" } else { "username" };
        self.call(Method::POST, "/auth/login", None, json!({field: name, "password": password})).await
    }

    async fn me(&self, token: &str) -> (StatusCode, Value) {
        self.call(Method::GET, "/api/v1/me", Some(token), Value::Null).await
    }
}

/// A SQLite file, or a fresh database of the PostgreSQL server that `SEALPOST_TEST_POSTGRES_URL` names.
async fn database(folder: &Path) -> String {
    let Ok(server) = std::env::var("SEALPOST_TEST_POSTGRES_URL") else {
        return format!("sqlite:{}", folder.join("db").display());
    };
    let name = format!("people_{}", hex::encode(id_bytes(&mut system_rng())));
    let connection = sea_orm::Database::connect(format!("{server}/postgres")).await.unwrap();
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    connection.close().await.unwrap();
    format!("{server}/{name}")
}

fn token(answer: &Value) -> &str {
    answer["token"].as_str().unwrap()
}

fn ann() -> Value {
    json!({"email": "Ann@Example.org", "password": PASSWORD})
}

#[tokio::test]
async fn a_person_signs_up_and_in_by_address_or_name_in_any_case() {
    let rig = Rig::new(true).await;
    let (status, signed_up) = rig.sign_up(ann()).await;
    assert_eq!(status, StatusCode::CREATED, "{signed_up}");
    for name in ["ann@example.org", "ANN@EXAMPLE.ORG", "ann", "Ann"] {
        let (status, answer) = rig.login(name, PASSWORD).await;
        assert_eq!(status, StatusCode::OK, "{name}: {answer}");
        assert_eq!(answer["user_id"], signed_up["user_id"]);
        let (_, me) = rig.me(token(&answer)).await;
        assert_eq!(
            (&me["email"], &me["username"], &me["roles"]),
            (&json!("ann@example.org"), &json!("ann"), &json!([]))
        );
    }
}

#[tokio::test]
async fn a_user_token_carries_the_documented_claims() {
    let rig = Rig::new(true).await;
    let (_, answer) = rig.sign_up(ann()).await;
    let payload = token(&answer).split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let names = [
        "iss",
        "sub",
        "aud",
        "iat",
        "nbf",
        "exp",
        "userId",
        "email",
        "name",
        "accountType",
        "hederaAccountId",
        "walletId",
        "evmAddress",
        "walletCreated",
        "roles",
        "permissions",
        "scope",
        "profileVersion",
        "lastLogin",
        "deviceId",
    ];
    for name in names {
        assert!(claims.get(name).is_some(), "{name} is missing");
    }
    assert_eq!((&claims["userId"], &claims["accountType"]), (&answer["user_id"], &json!("local")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 30 * 86_400);
}

#[tokio::test]
async fn an_unknown_person_and_a_wrong_password_get_the_same_answer() {
    let rig = Rig::new(true).await;
    rig.sign_up(ann()).await;
    let wrong = rig.login("ann", "plum tractor eight").await;
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong, rig.login("nobody", PASSWORD).await);
    assert_eq!(wrong, rig.login("ann", &PASSWORD.repeat(1000)).await);
}

#[tokio::test]
async fn guessing_one_account_is_slowed_down_while_others_go_on() {
    let rig = Rig::new(true).await;
    rig.sign_up(ann()).await;
    rig.sign_up(json!({"email": "bob@example.org", "password": PASSWORD})).await;
    for _ in 0..10 {
        assert_eq!(rig.login("ann", "a wrong password").await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(rig.login("ann", PASSWORD).await.0, StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..15 {
        assert_eq!(rig.login("bob", PASSWORD).await.0, StatusCode::OK, "right ones are not counted");
    }
    rig.pass_s(30);
    assert_eq!(rig.login("ann", PASSWORD).await.0, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_ends_that_token_alone_and_time_ends_the_rest() {
    let rig = Rig::new(true).await;
    let (_, first) = rig.sign_up(ann()).await;
    let (_, second) = rig.login("ann", PASSWORD).await;
    assert_eq!(
        rig.call(Method::POST, "/auth/logout", Some(token(&first)), Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(rig.me(token(&first)).await.1["code"], "token_revoked");
    rig.pass_s(30 * 86_400 - 1);
    assert_eq!(rig.me(token(&second)).await.0, StatusCode::OK);
    rig.pass_s(1);
    assert_eq!(rig.me(token(&second)).await.1["code"], "token_expired");
    assert_eq!(rig.accounts.tokens().purge_expired().await.unwrap(), 0);
    rig.pass_s(1);
    assert_eq!(rig.accounts.tokens().purge_expired().await.unwrap(), 2);
}

#[tokio::test]
async fn a_changed_password_ends_all_other_tokens() {
    let rig = Rig::new(true).await;
    let (_, lost) = rig.sign_up(ann()).await;
    let (_, mine) = rig.login("ann", PASSWORD).await;
    let change = async |old: &str, new: &str| {
        let body = json!({"password": old, "new_password": new});
        rig.call(Method::POST, "/api/v1/me/password", Some(token(&mine)), body).await
    };
    assert_eq!(change("a wrong password", "seven tractor plum").await.1["code"], "wrong_credentials");
    assert_eq!(change(PASSWORD, "short").await.1["code"], "weak_password");
    assert_eq!(rig.me(token(&lost)).await.0, StatusCode::OK);
    assert_eq!(change(PASSWORD, "seven tractor plum").await.0, StatusCode::NO_CONTENT);
    assert_eq!(rig.me(token(&lost)).await.1["code"], "token_revoked");
    assert_eq!(rig.me(token(&mine)).await.0, StatusCode::OK);
    assert_eq!(rig.login("ann", PASSWORD).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(rig.login("ann", "seven tractor plum").await.0, StatusCode::OK);
}

#[tokio::test]
async fn taken_malformed_and_weak_sign_ups_are_told_apart() {
    let rig = Rig::new(true).await;
    rig.sign_up(ann()).await;
    let cases = [
        (json!({"email": "ANN@example.org", "password": PASSWORD}), "email_taken"),
        (json!({"email": "b@example.org", "username": "ANN", "password": PASSWORD}), "username_taken"),
        (json!({"email": "b@example.org", "password": "short"}), "weak_password"),
        (json!({"email": "b@example.org", "password": "b@example.org"}), "weak_password"),
        (json!({"email": "nonsense", "password": PASSWORD}), "bad_email"),
        (json!({"email": "b@example.org", "username": "a@b", "password": PASSWORD}), "bad_username"),
    ];
    for (body, code) in cases {
        assert_eq!(rig.sign_up(body).await.1["code"], code);
    }
    let (status, other) = rig.sign_up(json!({"email": "ann@elsewhere.org", "password": PASSWORD})).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(rig.me(token(&other)).await.1["username"], "ann-1");
}

#[tokio::test]
async fn many_sign_ups_with_one_address_at_once_make_one_account() {
    let rig = Rig::new(true).await;
    let answers = futures::future::join_all((0..8).map(|_| rig.sign_up(ann()))).await;
    let made = answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count();
    assert_eq!(made, 1);
    assert!(
        answers
            .iter()
            .all(|(status, answer)| *status == StatusCode::CREATED || answer["code"] == "email_taken")
    );
}

#[tokio::test]
async fn the_set_up_token_makes_one_operator_even_when_shown_many_times_at_once() {
    let rig = Rig::new(false).await;
    assert_eq!(rig.sign_up(ann()).await.1["code"], "registration_closed");
    let setup = rig.accounts.issue_setup_token().await.unwrap().unwrap();
    let spare = rig.accounts.issue_setup_token().await.unwrap().unwrap();
    let show = async |token: &str, name: usize| {
        let body =
            json!({"setup_token": token, "email": format!("op{name}@example.org"), "password": PASSWORD});
        rig.call(Method::POST, "/api/v1/setup", None, body).await
    };
    assert_eq!(show("nonsense", 99).await.1["code"], "setup_token_invalid");
    let answers = futures::future::join_all((0..8).map(|name| show(setup.expose(), name))).await;
    let made: Vec<_> = answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(rig.me(token(&made[0].1)).await.1["roles"], json!(["operator"]));
    assert_eq!(show(spare.expose(), 100).await.1["code"], "setup_token_invalid");
    assert!(rig.accounts.issue_setup_token().await.unwrap().is_none());
}

#[tokio::test]
async fn the_set_up_token_lives_a_day() {
    let rig = Rig::new(false).await;
    let setup = rig.accounts.issue_setup_token().await.unwrap().unwrap();
    rig.pass_s(86_400);
    let body = json!({"setup_token": setup.expose(), "email": "op@example.org", "password": PASSWORD});
    let (status, answer) = rig.call(Method::POST, "/api/v1/setup", None, body).await;
    assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("setup_token_invalid")));
}

#[tokio::test]
async fn a_failed_set_up_does_not_use_the_token_up() {
    let rig = Rig::new(true).await;
    rig.sign_up(ann()).await;
    let setup = rig.accounts.issue_setup_token().await.unwrap().unwrap();
    let body = |email: &str| json!({"setup_token": setup.expose(), "email": email, "password": PASSWORD});
    let taken = rig.call(Method::POST, "/api/v1/setup", None, body("ann@example.org")).await;
    assert_eq!(taken.1["code"], "email_taken");
    let (status, _) = rig.call(Method::POST, "/api/v1/setup", None, body("op@example.org")).await;
    assert_eq!(status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_database_keeps_no_password_and_no_token() {
    let rig = Rig::new(true).await;
    let setup = rig.accounts.issue_setup_token().await.unwrap().unwrap();
    let (_, answer) = rig.sign_up(ann()).await;
    if rig.db.backend() != DbBackend::Sqlite {
        return;
    }
    rig.db.clone().close().await.unwrap();
    let mut kept = Vec::new();
    for file in std::fs::read_dir(rig._folder.path()).unwrap() {
        kept.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |needle: &str| kept.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("ann@example.org"), "the search looks in the right place");
    for secret in [PASSWORD, setup.expose(), token(&answer), token(&answer).rsplit('.').next().unwrap()] {
        assert!(!holds(secret));
    }
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what_and_refuses_changes() {
    let rig = Rig::new(true).await;
    let (_, answer) = rig.sign_up(ann()).await;
    let id = answer["user_id"].as_str().unwrap();
    let entries = audit::about(&rig.db, &format!("account:{id}"), 0, 10).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["account.created", "account.signed_in"]);
    assert_eq!(entries[0].actor, Actor::User(id.to_owned()).to_string());
    for statement in ["DELETE FROM audit_log", "UPDATE audit_log SET actor = 'nobody'"] {
        let tried = rig.db.write(move |tx| {
            Box::pin(async move {
                tx.execute_unprepared(statement).await?;
                Ok::<_, ApiError>(())
            })
        });
        assert!(tried.await.is_err(), "{statement}");
    }
    assert_eq!(audit::about(&rig.db, &format!("account:{id}"), 0, 10).await.unwrap().len(), 2);
}

/// The entries of one action. A failure to sign in is written beside its answer, so it is waited for.
async fn failures(rig: &Rig, count: usize) -> Vec<audit::Entry> {
    let action = Some("account.sign_in_failed".to_owned());
    let filter = audit::Filter { action, limit: 100, ..audit::Filter::default() };
    loop {
        let page = audit::newest(&rig.db, &filter).await.unwrap();
        if page.entries.len() >= count {
            return page.entries;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_failure_to_sign_in_is_written_down_without_what_was_typed() {
    let rig = Rig::new(true).await;
    let (_, answer) = rig.sign_up(ann()).await;
    let id = answer["user_id"].as_str().unwrap();
    rig.login("ann", "CANARY is no password").await;
    rig.login("CANARY-typed-into-the-wrong-field", PASSWORD).await;
    let entries = failures(&rig, 2).await;
    let mut subjects: Vec<_> = entries.iter().map(|entry| entry.subject.clone()).collect();
    subjects.sort();
    let mut expected = [format!("account:{id}"), "account:unknown".to_owned()];
    expected.sort();
    assert_eq!(subjects, expected);
    assert!(entries.iter().all(|entry| entry.actor == "anonymous"));
    assert!(!format!("{entries:?}").contains("CANARY"));
}

#[tokio::test]
async fn failures_of_nobody_are_written_down_so_often_and_those_of_somebody_always() {
    let rig = Rig::new(true).await;
    rig.sign_up(ann()).await;
    for count in 0..70 {
        rig.login(&format!("nobody{count}"), PASSWORD).await;
    }
    rig.login("ann", "wrong password").await;
    let entries = failures(&rig, 61).await;
    assert_eq!(entries.iter().filter(|entry| entry.subject == "account:unknown").count(), 60);
    assert_eq!(entries.len(), 61);
}

#[tokio::test]
async fn people_read_their_own_entries_and_operators_all_of_them_in_pages() {
    let rig = Rig::new(true).await;
    let setup = rig.accounts.issue_setup_token().await.unwrap().unwrap();
    let body = json!({"setup_token": setup.expose(), "email": "op@example.org", "password": PASSWORD});
    let (_, operator) = rig.call(Method::POST, "/api/v1/setup", None, body).await;
    let (_, ann) = rig.sign_up(ann()).await;
    rig.sign_up(json!({"email": "bob@example.org", "password": PASSWORD})).await;
    let read = async |who: &Value, query: &str| {
        let path = format!("/api/v1/audit{query}");
        let (status, page) = rig.call(Method::GET, &path, Some(token(who)), Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page
    };
    let own = read(&ann, "").await;
    let entries = own["entries"].as_array().unwrap();
    let id = ann["user_id"].as_str().unwrap();
    assert_eq!(entries.len(), 2, "{own}");
    assert!(entries.iter().all(|entry| entry["subject"] == format!("account:{id}")), "{own}");

    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = read(&operator, &format!("?limit=3{after}")).await;
        all.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_i64() else { break };
        after = format!("&after={next}");
    }
    assert!(all.is_sorted_by(|newer, older| newer > older), "{all:?}");
    assert!(all.len() >= 8, "{all:?}");
    let bobs = read(&ann, "?action=account.created&subject=account:unknown").await;
    assert_eq!(bobs["entries"], json!([]));
    let (status, _) = rig.call(Method::GET, "/api/v1/audit", None, Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_out_is_in_the_audit_log() {
    let rig = Rig::new(true).await;
    let (_, answer) = rig.sign_up(ann()).await;
    rig.call(Method::POST, "/auth/logout", Some(token(&answer)), Value::Null).await;
    let subject = format!("account:{}", answer["user_id"].as_str().unwrap());
    let entries = audit::about(&rig.db, &subject, 0, 10).await.unwrap();
    assert_eq!(entries.last().unwrap().action, "account.signed_out");
}
