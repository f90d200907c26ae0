use http::{Method, StatusCode};
use sealpost_envelope::pairing::short_code;
use serde_json::json;

use super::rig::{ORIGIN, Rig, code, printer_secret};

#[tokio::test]
async fn a_printer_pairs_and_both_sides_see_the_same_short_code() {
    let rig = Rig::new().await;
    let (user, user_id) = rig.person("ann").await;
    let secret = printer_secret();
    let started = rig.start(&secret).await;
    assert_eq!(started.verification_uri_complete, format!("{ORIGIN}/pair#{}", started.pairing_code));
    assert_eq!(rig.status(&started).await, "pending");
    assert_eq!(code(&rig.complete(&started).await.1), "authorization_pending");

    let typed = started.pairing_code.to_lowercase().replace('-', "%20");
    let (status, view) = rig.get(&format!("/api/v1/pairings/{typed}"), Some(&user)).await;
    assert_eq!(status, StatusCode::OK, "{view}");
    assert_eq!(view["printer"]["name"], "Voron");
    assert_eq!(view["key_id"], secret.public().key_id());
    let root = sealpost_envelope::keyset::public_key_from_hex(&started.store_root_key).unwrap();
    let shown = short_code(&secret.public(), &root, &started.session_id);
    assert_eq!(view["short_code"], shown);

    let body = json!({"name": "Garage", "short_code": shown.replace('-', "")});
    let path = format!("/api/v1/pairings/{typed}/approve");
    let (status, view) = rig.post(&path, Some(&user), body).await;
    assert_eq!((status, &view["status"]), (StatusCode::OK, &json!("approved")));
    assert_eq!(rig.status(&started).await, "approved");

    let grant = rig.grant(&started, &secret).await;
    assert_eq!(grant.store_root_key, root);
    let (status, me) = rig.whoami(grant.token.expose()).await;
    assert_eq!(status, StatusCode::OK, "{me}");
    assert_eq!((&me["id"], &me["owner"]), (&json!(grant.printer_id), &json!(user_id)));
    assert_eq!(rig.status(&started).await, "completed");

    let (_, list) = rig.get("/api/v1/printers", Some(&user)).await;
    assert_eq!(list["printers"][0]["id"], grant.printer_id);
    assert_eq!(list["printers"][0]["name"], "Garage");
    assert!(list["printers"][0]["last_seen"].is_string());
}

#[tokio::test]
async fn a_lost_answer_can_be_taken_again_until_the_token_was_used() {
    let rig = Rig::new().await;
    let (user, _) = rig.person("ann").await;
    let secret = printer_secret();
    let started = rig.start(&secret).await;
    rig.approve(&started, &user).await;
    let first = rig.grant(&started, &secret).await;
    let second = rig.grant(&started, &secret).await;
    assert_eq!(first.printer_id, second.printer_id);
    assert_eq!(code(&rig.whoami(first.token.expose()).await.1), "token_revoked");
    assert_eq!(rig.whoami(second.token.expose()).await.0, StatusCode::OK);
    assert_eq!(code(&rig.complete(&started).await.1), "pairing_completed");
    assert_eq!(rig.approve(&started, &user).await.0, StatusCode::OK, "a repeated approval is no failure");
}

#[tokio::test]
async fn hasty_questions_are_slowed_down_until_somebody_decides() {
    let rig = Rig::new().await;
    let (user, _) = rig.person("ann").await;
    let started = rig.start(&printer_secret()).await;
    let ask = async || {
        let body = json!({"session_id": started.session_id});
        let answer = rig.post("/api/printers/pair/status", None, body).await.1;
        (answer["status"].as_str().unwrap().to_owned(), answer["interval"].as_u64().unwrap())
    };
    assert_eq!(ask().await, ("pending".into(), 5));
    assert_eq!(ask().await, ("slow_down".into(), 10));
    rig.pass_s(6);
    assert_eq!(ask().await, ("slow_down".into(), 15));
    rig.pass_s(15);
    assert_eq!(ask().await, ("pending".into(), 15));
    rig.approve(&started, &user).await;
    assert_eq!(ask().await.0, "approved");
}

#[tokio::test]
async fn a_denied_code_gives_nothing_and_cannot_be_approved() {
    let rig = Rig::new().await;
    let (user, _) = rig.person("ann").await;
    let started = rig.start(&printer_secret()).await;
    let deny = format!("/api/v1/pairings/{}/deny", started.pairing_code);
    assert_eq!(rig.call(Method::POST, &deny, Some(&user), None).await.0, StatusCode::OK);
    assert_eq!(rig.status(&started).await, "denied");
    assert_eq!(code(&rig.complete(&started).await.1), "pairing_denied");
    assert_eq!(code(&rig.approve(&started, &user).await.1), "pairing_decided");
}

#[tokio::test]
async fn a_code_expires_and_an_approved_one_leaves_time_for_the_answer() {
    let rig = Rig::new().await;
    let (user, _) = rig.person("ann").await;
    let secret = printer_secret();
    let late = rig.start(&secret).await;
    rig.pass_s(600);
    assert_eq!(rig.status(&late).await, "expired");
    assert_eq!(code(&rig.approve(&late, &user).await.1), "pairing_code_unknown");
    assert_eq!(code(&rig.complete(&late).await.1), "pairing_expired");

    let started = rig.start(&secret).await;
    rig.pass_s(599);
    assert_eq!(rig.approve(&started, &user).await.0, StatusCode::OK);
    rig.pass_s(299);
    rig.grant(&started, &secret).await;
    rig.pass_s(1);
    assert_eq!(code(&rig.complete(&started).await.1), "pairing_expired");
}

#[tokio::test]
async fn a_wrong_short_code_is_refused_and_the_printer_stays_out() {
    let rig = Rig::new().await;
    let (user, _) = rig.person("ann").await;
    let started = rig.start(&printer_secret()).await;
    let path = format!("/api/v1/pairings/{}/approve", started.pairing_code);
    let shown = rig.get(&path.replace("/approve", ""), Some(&user)).await.1["short_code"].clone();
    let other = if shown == "000-000" { "000-001" } else { "000-000" };
    let (status, answer) = rig.post(&path, Some(&user), json!({"short_code": other})).await;
    assert_eq!((status, code(&answer)), (StatusCode::CONFLICT, "short_code_mismatch"));
    assert_eq!(rig.status(&started).await, "pending");
}

#[tokio::test]
async fn guessing_codes_ends_soon_and_right_ones_are_not_counted() {
    let rig = Rig::new().await;
    let (user, _) = rig.person("ann").await;
    let started = rig.start(&printer_secret()).await;
    let view = format!("/api/v1/pairings/{}", started.pairing_code);
    for _ in 0..40 {
        assert_eq!(rig.get(&view, Some(&user)).await.0, StatusCode::OK);
    }
    let mut guesses = 0;
    while rig.get("/api/v1/pairings/BBBB-BBBB", Some(&user)).await.0 == StatusCode::NOT_FOUND {
        guesses += 1;
    }
    assert_eq!(guesses, 20);
    assert_eq!(rig.get(&view, Some(&user)).await.0, StatusCode::TOO_MANY_REQUESTS);
    rig.pass_s(10);
    assert_eq!(rig.get(&view, Some(&user)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn codes_are_for_people_who_are_signed_in_and_decided_ones_for_those_who_decided() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let (bob, _) = rig.person("bob").await;
    let started = rig.start(&printer_secret()).await;
    let view = format!("/api/v1/pairings/{}", started.pairing_code);
    assert_eq!(code(&rig.get(&view, None).await.1), "sign_in_required");
    rig.approve(&started, &ann).await;
    assert_eq!(rig.get(&view, Some(&ann)).await.0, StatusCode::OK);
    assert_eq!(code(&rig.get(&view, Some(&bob)).await.1), "pairing_code_unknown");
    assert_eq!(code(&rig.approve(&started, &bob).await.1), "pairing_code_unknown");
}
