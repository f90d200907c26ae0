//! What operators do to people.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::Kit;

async fn me(kit: &Kit, token: &str) -> String {
    kit.get("/api/v1/me", token).await.string("user_id")
}

#[tokio::test]
async fn a_session_of_an_operator_alone_changes_nobodys_role_and_suspends_nobody() {
    let kit = Kit::new().await;
    let (operator, ann) = (kit.operator().await, kit.person("ann").await);
    let path = format!("/api/v1/people/{}", me(&kit, &ann).await);
    let deeds = [
        (Method::PATCH, path.clone(), json!({"operator": true})),
        (Method::POST, format!("{path}/suspend"), json!({"reason": "spam"})),
        (Method::POST, format!("{path}/lift"), json!({})),
        (Method::POST, format!("{path}/reset-link"), json!({})),
    ];
    let with = |body: &Value, password: &str| {
        let mut body = body.clone();
        body["password"] = json!(password);
        Some(body)
    };
    for (method, path, body) in &deeds {
        let bare = kit.call(method.clone(), path, &operator, Some(body.clone())).await;
        assert_eq!(bare.problem(), (403, "proof_required".to_owned()), "{path}");
        let guess = kit.call(method.clone(), path, &operator, with(body, "a guess of somebody")).await;
        assert_eq!(guess.problem(), (403, "wrong_credentials".to_owned()), "{path}");
    }
    let person = kit.get(&path, &operator).await.json();
    assert_eq!((&person["operator"], person.get("suspended_at")), (&json!(false), None));
    assert_eq!(kit.get("/api/v1/me", &ann).await.status, StatusCode::OK);
    let unknown = kit.call(Method::PATCH, &path, &operator, Some(json!({"operater": true}))).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (method, path, body) in &deeds[1..] {
        let done = kit.call(method.clone(), path, &operator, with(body, "correct horse battery")).await;
        assert!(done.status.is_success(), "{path}: {}", done.text());
    }
}
