//! What tests of running a store have in common.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::Kit;

/// Changes settings: all of them as they are then.
pub(crate) async fn set(kit: &Kit, operator: &str, changes: Value) -> Value {
    let answer = kit.call(Method::PATCH, "/api/v1/operator/settings", operator, Some(changes)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["settings"].clone()
}

/// An account id.
pub(crate) async fn me(kit: &Kit, token: &str) -> String {
    kit.get("/api/v1/me", token).await.string("user_id")
}

/// With the password of whoever asks.
pub(crate) fn proved(mut body: Value) -> Value {
    body["password"] = json!("correct horse battery");
    body
}

/// The actions of the newest entries of the audit log.
pub(crate) async fn actions(kit: &Kit, operator: &str, query: &str) -> Vec<String> {
    let log = kit.get(&format!("/api/v1/operator/audit?{query}"), operator).await.json();
    let entries = log["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}
