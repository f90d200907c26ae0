//! Whatever is sent, the answer is a problem that says what is wrong, and the store goes on.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::json;

use super::kit::Kit;

#[tokio::test]
async fn unknown_routes_methods_and_bodies_are_problems() {
    let kit = Kit::new().await;
    let me = kit.person("me").await;
    assert_eq!(kit.get("/nowhere", "").await.problem(), (404, "no_such_route".to_owned()));
    let wrong = kit.call(Method::DELETE, "/api/v1/listings", &me, None).await;
    assert_eq!(wrong.problem(), (405, "method_not_allowed".to_owned()));
    assert_eq!(kit.post("/api/v1/listings", "", json!({"title": "a"})).await.problem().0, 401);
    assert_eq!(kit.post("/api/v1/listings", "not.a.token", json!({"title": "a"})).await.problem().0, 401);
    assert_eq!(kit.post("/api/v1/listings", &me, json!({"title": 5})).await.problem().0, 422);
    assert_eq!(
        kit.post("/api/v1/listings", &me, json!({"title": "a".repeat(300_000)})).await.problem().0,
        413
    );
    assert_eq!(kit.get("/api/v1/listings?limit=many", "").await.problem(), (400, "bad_query".to_owned()));
    for (kind, body, status) in [("application/json", "{", 400), ("text/plain", "{}", 415)] {
        let request = Request::post("/api/v1/listings")
            .header(header::AUTHORIZATION, format!("Bearer {me}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        assert_eq!(kit.send(request).await.problem().0, status);
    }
}

#[tokio::test]
async fn ids_that_nobody_has_are_not_found_on_every_route() {
    let kit = Kit::new().await;
    let me = kit.person("me").await;
    let printer = kit.printer(&me, true).await;
    for path in ["listings", "releases", "purchases", "licences", "jobs"] {
        for id in ["x_none", "..%2f..%2fetc", "%00", "a%27%20OR%201=1"] {
            let answer = kit.get(&format!("/api/v1/{path}/{id}"), &me).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}/{id}: {}", answer.text());
            answer.problem();
        }
    }
    for path in ["claim", "reports"] {
        let path = format!("/api/v1/jobs/j_none/{path}");
        let body = json!({"nonce": "0123456789abcdef", "report_id": "r", "lease": 1, "status": "printing"});
        assert_eq!(kit.agent(&printer, Method::POST, &path, Some(body)).await.problem().0, 404);
    }
    let job = json!({"licence": "lic_none", "printer": printer.id});
    assert_eq!(kit.post("/api/v1/jobs", &me, job).await.problem().0, 404);
}

#[tokio::test]
async fn tokens_of_people_and_printers_are_not_mixed_up() {
    let kit = Kit::new().await;
    let me = kit.person("me").await;
    let printer = kit.printer(&me, true).await;
    for (path, token) in [("/api/v1/licences", &printer.token), ("/api/printer-agent/poll-print-queue", &me)]
    {
        assert_eq!(kit.get(path, token).await.problem().0, 403);
    }
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let kit = Kit::new().await;
    let me = kit.person("me").await;
    assert_eq!(
        kit.post("/api/v1/releases", &me, json!({})).await.problem(),
        (415, "not_multipart".to_owned())
    );
    for body in ["", "--cut--\r\n", "nonsense", "--cut\r\n\r\nx\r\n--cut--\r\n"] {
        let answer = kit.publish_body(&me, body).await;
        assert!(answer.status.is_client_error(), "{body:?}: {}", answer.text());
        answer.problem();
    }
    let answer = kit.publish(&me, json!({"listing": 7}), b"G28\n").await;
    assert_eq!(answer.problem().0, 422);
}

#[tokio::test]
async fn values_out_of_range_are_told_by_their_field() {
    let kit = Kit::new().await;
    let me = kit.person("me").await;
    for (field, value) in [
        ("id", json!("A b")),
        ("title", json!("  ")),
        ("title", json!("a\nb")),
        ("prints", json!(0)),
        ("price", json!({"amount": "-5", "currency": "EUR"})),
        ("price", json!({"amount": "5", "currency": "E"})),
    ] {
        let mut body = json!({"title": "a"});
        body[field] = value;
        let answer = kit.post("/api/v1/listings", &me, body).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
        assert!(answer.json()["detail"].as_str().unwrap().contains(field), "{}", answer.text());
    }
}

#[tokio::test]
async fn every_answer_can_be_found_in_the_log_and_is_not_guessed_at_by_browsers() {
    let kit = Kit::new().await;
    for path in ["/", "/setup", "/pair", "/api/docs", "/health", "/ready", "/nowhere"] {
        let answer = kit.get(path, "").await;
        assert!(answer.headers.contains_key("x-request-id"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    }
    for path in ["/", "/setup", "/pair", "/api/docs"] {
        let answer = kit.get(path, "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
        );
    }
}
