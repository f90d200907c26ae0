//! How somebody leaves: what hinders it, what ends with them, and what others keep.

use http::StatusCode;
use sealpost_api::Problem;
use serde_json::{Value, json};

use super::kit::{Answer, Kit, Printer};

const PASSWORD: &str = "correct horse battery";
const NONCE: &str = "00112233445566778899aabbccddeeff";

async fn delete(kit: &Kit, token: &str) -> Answer {
    kit.post("/api/v1/me/delete", token, json!({"password": PASSWORD})).await
}

async fn at_print(kit: &Kit, buyer: &str, licence: &str) -> (Printer, String) {
    let printer = kit.printer(buyer, true).await;
    let job = kit.ready_job(buyer, licence, &printer).await;
    let claimed = kit.claim(&printer, &job, NONCE).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    (printer, job)
}

fn leaving(answer: &Answer) -> Value {
    answer.json()["hindrances"].clone()
}

#[tokio::test]
async fn nobody_leaves_while_a_printer_of_theirs_is_at_a_print() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("seller").await, kit.person("buyer").await);
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let (printer, job) = at_print(&kit, &buyer, &licence).await;
    assert_eq!(leaving(&kit.get("/api/v1/me/leaving", &buyer).await), json!(["jobs_printing"]));
    assert_eq!(delete(&kit, &buyer).await.problem(), (409, "jobs_printing".to_owned()));
    let ended = kit.report(&printer, &job, 1, "r1", "success").await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text());
    assert_eq!(leaving(&kit.get("/api/v1/me/leaving", &buyer).await), json!([]));
    assert_eq!(delete(&kit, &buyer).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_last_operator_stays() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    assert_eq!(leaving(&kit.get("/api/v1/me/leaving", &operator).await), json!(["last_operator"]));
    assert_eq!(delete(&kit, &operator).await.problem(), (409, "last_operator".to_owned()));
    assert_eq!(kit.get("/api/v1/me", &operator).await.status, StatusCode::OK, "nothing of it was done");
}

#[tokio::test]
async fn leaving_takes_the_password_and_nothing_less() {
    let kit = Kit::new().await;
    let person = kit.person("careful").await;
    for (proof, code) in [(json!({}), "proof_required"), (json!({"password": "wrong"}), "wrong_credentials")]
    {
        let answer = kit.post("/api/v1/me/delete", &person, proof).await;
        assert_eq!(answer.problem(), (403, code.to_owned()));
    }
    assert_eq!(kit.get("/api/v1/me", &person).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_personal_is_erased_and_buyers_keep_what_they_bought() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("seller").await, kit.person("buyer").await);
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let sold = kit.licence(&buyer, &licence).await;
    let listing = sold["listing"].as_str().unwrap().to_owned();
    let own = kit.printer(&seller, true).await;
    let me = kit.get("/api/v1/me", &seller).await.string("user_id");

    let taken = kit.get("/api/v1/me/export", &seller).await.json();
    assert_eq!(taken["account"]["email"], "seller@example.org");
    assert_eq!(taken["listings"][0]["id"], listing.as_str());
    assert_eq!(taken["printers"][0]["id"], own.id.as_str());

    assert_eq!(delete(&kit, &seller).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kit.get("/api/v1/me", &seller).await.status, StatusCode::UNAUTHORIZED);
    let signed_in =
        kit.post("/auth/login", "", json!({"email": "seller@example.org", "password": PASSWORD})).await;
    assert_eq!(signed_in.problem(), (401, "wrong_credentials".to_owned()));
    let by_name =
        kit.post("/auth/login", "", json!({"username": format!("deleted-{me}"), "password": ""})).await;
    assert_eq!(by_name.problem(), (401, "wrong_credentials".to_owned()), "no password is none");
    let poll = kit.agent(&own, http::Method::GET, "/api/printer-agent/poll-print-queue", None).await;
    assert_eq!(poll.status, StatusCode::UNAUTHORIZED);

    // Whoever bought it prints it; nobody buys it any more.
    let printer = kit.printer(&buyer, true).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    assert_eq!(kit.claim(&printer, &job, NONCE).await.status, StatusCode::OK);
    let other = kit.person("other").await;
    let body = json!({"listing": listing, "payment": {"method": "free"}});
    let refused = kit.post("/api/v1/purchases", &other, body).await;
    assert!(refused.status.is_client_error(), "{}", refused.text());
    let problem: Problem = serde_json::from_slice(&refused.body).unwrap();
    assert!(!problem.hint.is_empty());

    // The address and the name can be taken by others; the log keeps the number.
    kit.person("seller").await;
    let operator = kit.operator().await;
    let log = kit.get(&format!("/api/v1/audit?subject=account:{me}"), &operator).await.text();
    assert!(log.contains("account.deleted") && !log.contains("seller@example.org"), "{log}");
}
