use axum::body::Body;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::rig::{Rig, code, printer_secret};

#[tokio::test]
async fn keys_that_no_printer_has_are_refused() {
    let rig = Rig::new().await;
    let good = printer_secret().public().to_string();
    let start = async |change: Value| {
        let mut body = json!({"public_key": good, "key_type": "x25519"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        rig.post("/api/printers/pair/start", None, body).await.1
    };
    let zero = BASE64_STANDARD.encode([0; 32]);
    for key in [&zero, &BASE64_STANDARD.encode([7; 31]), "nonsense", ""] {
        assert_eq!(code(&start(json!({"public_key": key})).await), "public_key_unusable", "{key}");
    }
    assert_eq!(code(&start(json!({"key_type": "rsa"})).await), "key_type_unknown");
    assert_eq!(code(&start(json!({"key_id": "00".repeat(32)})).await), "key_id_mismatch");
    assert_eq!(code(&start(json!({"printer": {"extruder_count": 99}})).await), "invalid");
    assert_eq!(code(&start(json!({"printer": {"name": "x".repeat(100_000)}})).await), "", "cut, not refused");
}

#[tokio::test]
async fn every_route_answers_nonsense_with_a_problem() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let printer = rig.paired(&printer_secret(), &ann).await.token;
    let routes = [
        (Method::POST, "/api/printers/pair/start"),
        (Method::POST, "/api/printers/pair/status"),
        (Method::POST, "/api/printers/pair/complete"),
        (Method::POST, "/api/v1/pairings/%F0%9F%92%A9/approve"),
        (Method::POST, "/api/register-printer"),
        (Method::PATCH, "/api/v1/printers/p_unknown"),
        (Method::POST, "/api/printers/challenge"),
        (Method::POST, "/api/printers/token"),
        (Method::POST, "/auth/login"),
        (Method::POST, "/api/v1/accounts"),
        (Method::POST, "/api/v1/setup"),
    ];
    let fields = [
        "session_id",
        "printer_id",
        "challenge_id",
        "answer",
        "email",
        "username",
        "password",
        "setup_token",
        "name",
        "printer_name",
        "printer_public_key",
        "public_key",
        "key_type",
        "short_code",
    ];
    let nul: Value = fields.iter().map(|name| (name.to_string(), json!("a\0@b.example.org"))).collect();
    let nul = nul.to_string();
    let bodies: [&[u8]; 7] = [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\"text\"",
        b"{\"session_id\": 7, \"name\": {}, \"email\": []}",
        nul.as_bytes(),
    ];
    for (method, path) in routes {
        for token in [None, Some(ann.as_str()), Some(printer.expose()), Some("nonsense")] {
            for body in bodies {
                let mut request = Request::builder()
                    .method(method.clone())
                    .uri(path)
                    .header(header::CONTENT_TYPE, "application/json");
                if let Some(token) = token {
                    request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
                }
                let (status, answer) = rig.send(request.body(Body::from(body.to_vec())).unwrap()).await;
                assert!(status.is_client_error(), "{method} {path} {body:?}: {status}");
                assert_eq!(answer["status"], status.as_u16(), "{method} {path} {body:?}");
                assert!(
                    !code(&answer).is_empty() && answer["title"].is_string(),
                    "{method} {path} {body:?}: {answer}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_session_that_was_guessed_is_unknown() {
    let rig = Rig::new().await;
    for path in ["/api/printers/pair/status", "/api/printers/pair/complete"] {
        let (status, answer) = rig.post(path, None, json!({"session_id": "x".repeat(43)})).await;
        assert_eq!((status, code(&answer)), (StatusCode::NOT_FOUND, "pairing_unknown"));
    }
}
