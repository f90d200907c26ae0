use http::StatusCode;
use sealpost_envelope::{
    PrinterSecret,
    challenge::{Challenge, TokenGrant},
};
use serde_json::{Value, json};

use super::rig::{ORIGIN, Rig, code, printer_secret, sealed};

async fn ask(rig: &Rig, printer_id: &str) -> (String, Value) {
    let (status, answer) = rig.post("/api/printers/challenge", None, json!({"printer_id": printer_id})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    (answer["challenge_id"].as_str().unwrap().to_owned(), answer["sealed"].clone())
}

async fn answer(rig: &Rig, id: &str, printer_id: &str, answer: &str) -> (StatusCode, Value) {
    let body = json!({"challenge_id": id, "printer_id": printer_id, "answer": answer});
    rig.post("/api/printers/token", None, body).await
}

async fn printer(rig: &Rig) -> (PrinterSecret, String, String) {
    let (ann, _) = rig.person("ann").await;
    let secret = printer_secret();
    let grant = rig.paired(&secret, &ann).await;
    (secret, grant.printer_id.clone(), grant.token.expose().to_owned())
}

#[tokio::test]
async fn a_printer_with_a_void_token_proves_itself_by_its_key() {
    let rig = Rig::new().await;
    let (secret, id, token) = printer(&rig).await;
    rig.pass_s(40 * 86_400);
    assert_eq!(code(&rig.whoami(&token).await.1), "token_expired");

    let (challenge_id, box_) = ask(&rig, &id).await;
    let challenge = Challenge::open(&sealed(box_), &secret, ORIGIN, &id).unwrap();
    let (status, granted) = answer(&rig, &challenge_id, &id, &challenge.answer().unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{granted}");
    let grant = TokenGrant::open(&sealed(granted), &secret, &challenge).unwrap();
    assert_eq!(rig.whoami(grant.token.expose()).await.1["id"], id);
}

#[tokio::test]
async fn a_challenge_takes_one_answer_right_or_wrong() {
    let rig = Rig::new().await;
    let (secret, id, _) = printer(&rig).await;
    for first in [None, Some("00".repeat(32)), Some("nonsense".to_owned())] {
        let (challenge_id, box_) = ask(&rig, &id).await;
        let right = Challenge::open(&sealed(box_), &secret, ORIGIN, &id).unwrap().answer().unwrap();
        let expected = if first.is_none() { StatusCode::OK } else { StatusCode::FORBIDDEN };
        let given = first.as_ref().unwrap_or(&right);
        assert_eq!(answer(&rig, &challenge_id, &id, given).await.0, expected);
        let (status, again) = answer(&rig, &challenge_id, &id, &right).await;
        assert_eq!((status, code(&again)), (StatusCode::FORBIDDEN, "challenge_failed"));
    }
}

#[tokio::test]
async fn late_foreign_and_unknown_challenges_fail_alike() {
    let rig = Rig::new().await;
    let (secret, id, _) = printer(&rig).await;
    let (late, box_) = ask(&rig, &id).await;
    let right = Challenge::open(&sealed(box_), &secret, ORIGIN, &id).unwrap().answer().unwrap();
    assert_eq!(code(&answer(&rig, &late, "p_other", &right).await.1), "challenge_failed");
    rig.pass_s(120);
    assert_eq!(code(&answer(&rig, &late, &id, &right).await.1), "challenge_failed");
    assert_eq!(code(&answer(&rig, "unknown", &id, &right).await.1), "challenge_failed");
}
