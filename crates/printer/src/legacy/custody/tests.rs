//! A stand-in CWS on loopback.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::*;

const TOKEN: &str = "printer-token-canary";

/// What it was asked: path, fields of the body, whether the token came along.
type Asked = Arc<Mutex<Vec<(String, String, bool)>>>;
type Behave = Arc<dyn Fn(usize, &str, &Value) -> Response + Send + Sync>;

struct StandIn {
    base: Url,
    asked: Asked,
}

async fn stand_in(behave: impl Fn(usize, &str, &Value) -> Response + Send + Sync + 'static) -> StandIn {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let asked = Asked::default();
    let router = Router::new().fallback(answer).with_state((asked.clone(), Arc::new(behave) as Behave));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}/wallet/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    StandIn { base, asked }
}

async fn answer(
    State((asked, behave)): State<(Asked, Behave)>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let authorized =
        headers.get("authorization").is_some_and(|value| value == format!("Bearer {TOKEN}").as_str());
    let field = body.as_object().and_then(|fields| fields.keys().next()).cloned().unwrap_or_default();
    let count = {
        let mut asked = asked.lock().unwrap();
        asked.push((uri.path().to_owned(), field, authorized));
        asked.len()
    };
    behave(count, uri.path(), &body)
}

impl StandIn {
    async fn ask(&self) -> Result<Locked<Psek>, Problem> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        std::fs::write(folder.path().join("keys/kek_id"), "sealed-by-the-cws").unwrap();
        let sealed = SealedPsek::read(folder.path()).unwrap();
        let mut custody = Custody::new(self.base.clone()).unwrap();
        custody.pauses = &[Duration::ZERO; 3];
        custody.psek(&SecretText::new(TOKEN.to_owned()), &sealed).await
    }

    async fn code(&self) -> String {
        self.ask().await.unwrap_err().code
    }

    fn asked(&self) -> Vec<(String, String, bool)> {
        self.asked.lock().unwrap().clone()
    }
}

fn said(field: &str) -> Response {
    Json(json!({field: BASE64_STANDARD.encode([9; 32])})).into_response()
}

#[tokio::test]
async fn a_service_of_each_generation_is_asked_in_its_own_form() {
    for (path, field, answer, calls) in [
        ("/wallet/ops/decrypt-data", "dataToDecrypt", "decryptedData", 1),
        ("/wallet/ops/decrypt-data", "encrypted_data", "decrypted_data", 2),
        ("/wallet/api/1.0.0/decrypt-psek", "encrypted_psek", "decrypted_psek", 3),
    ] {
        let service = stand_in(move |_, at, body| match (at == path, body.get(field)) {
            (false, _) => StatusCode::NOT_FOUND.into_response(),
            (true, None) => StatusCode::BAD_REQUEST.into_response(),
            (true, Some(sealed)) if sealed == "sealed-by-the-cws" => said(answer),
            (true, Some(_)) => StatusCode::FORBIDDEN.into_response(),
        })
        .await;
        let psek = service.ask().await.unwrap();
        assert_eq!(psek.get().unwrap().expose(), &[9; 32], "{field}");
        let asked = service.asked();
        assert_eq!(asked.len(), calls);
        assert!(asked.iter().all(|(_, _, authorized)| *authorized));
        assert_eq!(asked.last().unwrap(), &(path.to_owned(), field.to_owned(), true));
    }
}

#[tokio::test]
async fn a_no_is_not_asked_again_in_another_form() {
    for (status, code) in [
        (StatusCode::UNAUTHORIZED, "cws_token_refused"),
        (StatusCode::FORBIDDEN, "cws_refused"),
        (StatusCode::CONFLICT, "cws_refused"),
        (StatusCode::NO_CONTENT, "cws_refused"),
    ] {
        let service = stand_in(move |_, _, _| status.into_response()).await;
        assert_eq!(service.code().await, code, "{status}");
        assert_eq!(service.asked().len(), 1, "{status}");
    }
    let service = stand_in(|_, _, _| StatusCode::NOT_FOUND.into_response()).await;
    assert_eq!(service.code().await, "cws_refused");
    assert_eq!(service.asked().len(), 3);
    let service = stand_in(|_, _, _| Json(json!({"decryptedData": "AAAA"})).into_response()).await;
    assert_eq!(service.code().await, "cws_protocol");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn a_service_that_restarts_is_waited_for_and_one_that_stays_away_is_not_waited_for_for_ever() {
    let service = stand_in(|count, _, _| match count {
        1 | 2 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => said("decryptedData"),
    })
    .await;
    service.ask().await.unwrap();
    let service = stand_in(|_, _, _| StatusCode::BAD_GATEWAY.into_response()).await;
    assert_eq!(service.code().await, "cws_unavailable");
    assert_eq!(service.asked().len(), 4);

    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let gone = StandIn { base, asked: Asked::default() };
    assert_eq!(gone.code().await, "cws_unreachable");
}

#[tokio::test]
async fn the_token_follows_no_redirect_and_an_answer_without_end_is_cut() {
    let elsewhere = stand_in(|_, _, _| said("decryptedData")).await;
    let target = elsewhere.base.to_string();
    let service = stand_in(move |_, _, _| {
        (StatusCode::TEMPORARY_REDIRECT, [("location", target.clone())]).into_response()
    })
    .await;
    assert_eq!(service.code().await, "cws_address");
    assert!(elsewhere.asked().is_empty());

    let service = stand_in(|_, _, _| vec![b' '; ANSWER_LIMIT + 1].into_response()).await;
    assert_eq!(service.code().await, "cws_address");
}

#[tokio::test]
async fn a_name_of_the_open_internet_that_leads_home_is_not_asked() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    for (address, home) in [
        ("https://8.8.8.8", "https://127.0.0.1/ops/decrypt-data"),
        ("https://cws.example", "https://192.168.1.5/ops/decrypt-data"),
        ("https://cws.example", "https://169.254.169.254/ops/decrypt-data"),
        ("http://192.168.1.5", "http://127.0.0.1/ops/decrypt-data"),
    ] {
        let custody = Custody::new(address.parse().unwrap()).unwrap();
        assert!(custody.outgoing.check(home).is_err(), "{address} {home}");
        assert!(custody.outgoing.check(&custody.address(Form::DataToDecrypt)).is_ok(), "{address}");
    }
    let plain = Custody::new("https://cws.example".parse().unwrap()).unwrap();
    assert!(plain.outgoing.check("http://cws.example").is_err());
}

#[test]
fn the_token_goes_where_the_agents_settings_or_the_store_itself_are_and_to_nobody_whom_moonraker_names() {
    let url = |text: &str| Some(text.parse::<Url>().unwrap());
    let (named, store) = (url("https://cws.example/a"), url("https://store.example"));
    for (named, told, store, outcome) in [
        (None, None, store.as_ref(), Err("cws_not_configured")),
        (named.as_ref(), None, store.as_ref(), Ok("https://cws.example/a")),
        (named.as_ref(), url("https://evil.example"), store.as_ref(), Ok("https://cws.example/a")),
        (None, url("https://evil.example"), store.as_ref(), Err("cws_not_trusted")),
        (None, url("https://evil.example"), None, Err("cws_not_trusted")),
        (None, url("https://store.example/cws"), store.as_ref(), Ok("https://store.example/cws")),
        (None, url("https://store.example:444/cws"), store.as_ref(), Err("cws_not_trusted")),
        (None, url("http://store.example/cws"), store.as_ref(), Err("cws_not_trusted")),
        (None, url("https://store.example.evil.example"), store.as_ref(), Err("cws_not_trusted")),
        (None, url("https://store.example@evil.example"), store.as_ref(), Err("cws_not_trusted")),
    ] {
        let said = trusted(named, told.as_ref(), store);
        let said = said.as_ref().map(Url::as_str).map_err(|problem| problem.code.as_str());
        assert_eq!(said, outcome, "{told:?}");
    }
}
