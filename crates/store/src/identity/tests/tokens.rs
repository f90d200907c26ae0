//! Printer tokens: renewal, and that they are never taken for those of people.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use sealpost_api::AGENT_HEADER;

use super::rig::{Rig, code, printer_secret};

const REFRESH: [&str; 2] = ["/api/refresh-printer-token", "/api/printer-agent/refresh-token"];

#[tokio::test]
async fn a_refreshed_token_ends_the_old_one_a_minute_after_its_first_use() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    for path in REFRESH {
        let old = rig.paired(&printer_secret(), &ann).await.token;
        let (status, answer) = rig.call(Method::POST, path, Some(old.expose()), None).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let new = answer["printer_token"].as_str().unwrap();
        rig.pass_s(3600);
        assert_eq!(rig.whoami(old.expose()).await.0, StatusCode::OK, "the answer may have been lost");
        assert_eq!(rig.whoami(new).await.0, StatusCode::OK);
        assert_eq!(rig.whoami(old.expose()).await.0, StatusCode::OK, "a request under way");
        assert_eq!(rig.whoami(new).await.0, StatusCode::OK);
        rig.pass_s(60);
        assert_eq!(code(&rig.whoami(old.expose()).await.1), "token_revoked");
        assert_eq!(rig.whoami(new).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn tokens_of_people_and_printers_are_never_taken_for_each_other() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let printer = rig.paired(&printer_secret(), &ann).await.token;
    for path in REFRESH {
        let (status, answer) = rig.call(Method::POST, path, Some(&ann), None).await;
        assert_eq!((status, code(&answer)), (StatusCode::FORBIDDEN, "printer_token_required"));
    }
    assert_eq!(rig.whoami(&ann).await.0, StatusCode::FORBIDDEN);
    for path in ["/api/v1/me", "/api/v1/printers"] {
        let (status, answer) = rig.get(path, Some(printer.expose())).await;
        assert_eq!((status, code(&answer)), (StatusCode::FORBIDDEN, "user_token_required"));
    }
}

#[tokio::test]
async fn a_printer_token_lives_thirty_days_by_the_stores_clock() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let token = rig.paired(&printer_secret(), &ann).await.token;
    rig.pass_s(30 * 86_400 - 1);
    assert_eq!(rig.whoami(token.expose()).await.0, StatusCode::OK);
    rig.pass_s(1);
    assert_eq!(code(&rig.whoami(token.expose()).await.1), "token_expired");
}

#[tokio::test]
async fn no_token_and_nonsense_are_told_apart() {
    let rig = Rig::new().await;
    assert_eq!(code(&rig.get("/whoami", None).await.1), "sign_in_required");
    let (status, answer) = rig.whoami("a.b.c").await;
    assert_eq!((status, code(&answer)), (StatusCode::UNAUTHORIZED, "token_invalid"));
}

#[tokio::test]
async fn the_header_of_an_agent_says_what_speaks_for_a_printer() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let token = rig.paired(&printer_secret(), &ann).await.token;
    assert_eq!(rig.whoami(token.expose()).await.1["protocol"], "lmnt");
    let request = Request::get("/whoami")
        .header(header::AUTHORIZATION, format!("bearer {}", token.expose()))
        .header(AGENT_HEADER, "1")
        .body(Body::empty())
        .unwrap();
    assert_eq!(rig.send(request).await.1["protocol"], "sealpost");
}
