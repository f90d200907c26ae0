//! How a store is, and who is told.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, StatusCode};
use serde_json::json;

use super::kit::{Kit, until};

#[tokio::test]
async fn health_tells_what_is_not_well_and_metrics_are_for_operators() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let look = async || kit.get("/api/v1/operator/health", &operator).await.json();
    let check = async |name: &str| {
        let health = look().await;
        let checks = health["checks"].as_array().unwrap().clone();
        let found = checks.into_iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {health}"))["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((check("database").await.as_str(), check("keys").await.as_str()), ("ok", "ok"));
    assert_eq!(check("backup").await, "warn");
    let kek = kit.store.state.config.kek_path();
    let aside = kek.with_extension("aside");
    std::fs::rename(&kek, &aside).unwrap();
    assert_eq!(check("keys").await, "bad");
    assert_eq!(look().await["state"], "bad");
    std::fs::rename(&aside, &kek).unwrap();
    assert_eq!(check("keys").await, "ok");
    let state = kit.get("/api/v1/operator/backup", &operator).await.json();
    let key = state["key_files"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!(state["key_files"][0].get("confirmed_at"), None);
    let wrong = kit.post("/api/v1/operator/backup/keys", &operator, json!({"key": "x"})).await;
    assert_eq!(wrong.problem(), (409, "another_key".to_owned()));
    let said = kit.post("/api/v1/operator/backup/keys", &operator, json!({"key": key})).await;
    assert_eq!(said.status, StatusCode::NO_CONTENT);
    super::backup::backed_up(&kit).await;
    assert_eq!(check("backup").await, "ok");
    let state = kit.get("/api/v1/operator/backup", &operator).await.json();
    assert!(state["last"]["rows"].as_u64().unwrap() > 0, "{state}");
    kit.pass_s(86_401);
    assert_eq!(check("backup").await, "warn");
    until(async || check("blobs").await == "ok").await;

    let text = kit.get("/metrics", &operator).await.text();
    assert!(text.contains("sealpost_check{name=\"database\"} 0"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn figures_are_told_without_a_token_to_this_machine_where_no_proxy_could_bring_others() {
    let look = async |kit: &Kit, from: &str, header: Option<&str>| {
        let request = Request::get("/metrics").header("host", "127.0.0.1:8080");
        let request = header.into_iter().fold(request, |request, name| request.header(name, "192.0.2.7"));
        let mut request = request.body(Body::empty()).unwrap();
        let from: IpAddr = from.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(from, 40_000)));
        kit.send(request).await.status
    };
    let kit = Kit::new().await;
    assert_eq!(look(&kit, "127.0.0.1", None).await, StatusCode::OK);
    assert_eq!(look(&kit, "192.0.2.7", None).await, StatusCode::UNAUTHORIZED);
    for header in ["x-forwarded-for", "x-forwarded-proto", "forwarded", "via"] {
        assert_eq!(look(&kit, "127.0.0.1", Some(header)).await, StatusCode::UNAUTHORIZED, "{header}");
    }
    // A proxy that says nothing of whom it brings.
    let behind = Kit::with(|config| config.public_url = Some("https://store.example".to_owned())).await;
    assert_eq!(look(&behind, "127.0.0.1", None).await, StatusCode::UNAUTHORIZED);
    let operator = behind.operator().await;
    assert_eq!(behind.get("/metrics", &operator).await.status, StatusCode::OK);
}
