//! The same thing asked for many times at once, as impatient clients and several server processes do.

use futures::future::join_all;
use http::StatusCode;
use sealpost_accounts::audit;
use sealpost_envelope::pairing::Grant;
use serde_json::json;

use super::rig::{ORIGIN, Rig, printer_secret, sealed};

#[tokio::test]
async fn many_answers_at_once_leave_one_token_that_finishes_the_pairing() {
    let rig = Rig::new().await;
    let ((ann, _), (bob, bob_id)) = (rig.person("ann").await, rig.person("bob").await);
    let secret = printer_secret();
    let before = rig.paired(&secret, &ann).await;
    rig.whoami(before.token.expose()).await;

    let started = rig.start(&secret).await;
    rig.approve(&started, &bob).await;
    let answers = join_all((0..6).map(|_| rig.complete(&started))).await;
    let mut alive = Vec::new();
    for (status, answer) in answers {
        assert_eq!(status, StatusCode::OK, "{answer}");
        let grant = Grant::open(&sealed(answer), &secret, ORIGIN, &started.session_id).unwrap();
        let (status, me) = rig.whoami(grant.token.expose()).await;
        if status == StatusCode::OK {
            alive.push(me["owner"].clone());
        }
    }
    assert_eq!(alive, [json!(bob_id)]);
    assert_eq!(rig.status(&started).await, "completed");
}

#[tokio::test]
async fn many_first_uses_at_once_hand_a_printer_over_once() {
    let rig = Rig::new().await;
    let ((ann, _), (bob, _)) = (rig.person("ann").await, rig.person("bob").await);
    let secret = printer_secret();
    let before = rig.paired(&secret, &ann).await;
    rig.whoami(before.token.expose()).await;
    let grant = rig.paired(&secret, &bob).await;
    for (status, answer) in join_all((0..6).map(|_| rig.whoami(grant.token.expose()))).await {
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let left = audit::about(&rig.db, &format!("left:{}", grant.printer_id), 0, 10).await.unwrap();
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn many_registrations_of_one_key_at_once_make_one_printer() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let body = json!({"printer_name": "One", "printer_public_key": printer_secret().public().to_string()});
    let answers = join_all((0..6).map(|_| rig.post("/api/register-printer", Some(&ann), body.clone()))).await;
    for (status, answer) in answers {
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let (_, list) = rig.get("/api/v1/printers", Some(&ann)).await;
    assert_eq!(list["printers"].as_array().unwrap().len(), 1);
}
