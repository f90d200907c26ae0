//! Claims that arrive twice, late, or at the same time.

use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::{Answer, GCODE, Kit, Printer};

const NONCES: [&str; 3] = ["nonce-0123456789-a", "nonce-0123456789-b", "nonce-0123456789-c"];

async fn claim(kit: &Kit, printer: &Printer, job: &str, nonce: &str, after: u64) -> Answer {
    let path = format!("/api/v1/jobs/{job}/claim");
    kit.agent(printer, Method::POST, &path, Some(json!({"nonce": nonce, "after": after}))).await
}

async fn listed(kit: &Kit, printer: &Printer) -> Value {
    let poll = kit.agent(printer, Method::GET, "/api/printer-agent/poll-print-queue", None).await;
    poll.json()["jobs"][0]["lease"].clone()
}

struct Scene {
    kit: Kit,
    buyer: String,
    printer: Printer,
    licence: String,
    job: String,
}

async fn scene(sealpost: bool) -> Scene {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, sealpost).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 3})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    Scene { kit, buyer, printer, licence, job }
}

#[tokio::test]
async fn a_claim_that_arrives_after_a_later_one_was_answered_changes_nothing() {
    let Scene { kit, printer, job, .. } = scene(true).await;
    assert_eq!(listed(&kit, &printer).await, 0);
    let answered = claim(&kit, &printer, &job, NONCES[1], 0).await.json();
    assert_eq!(answered["lease"], 1);
    let late = claim(&kit, &printer, &job, NONCES[0], 0).await;
    assert_eq!(late.problem(), (409, "lease_moved".to_owned()));
    let started = kit.report(&printer, &job, 1, "r1", "starting").await;
    assert_eq!(started.status, StatusCode::OK, "{}", started.text());
}

#[tokio::test]
async fn a_printer_whose_claim_was_not_answered_learns_its_lease_from_the_list() {
    let Scene { kit, printer, job, .. } = scene(true).await;
    claim(&kit, &printer, &job, NONCES[0], 0).await;
    assert_eq!(claim(&kit, &printer, &job, NONCES[1], 0).await.problem().1, "lease_moved");
    assert_eq!(listed(&kit, &printer).await, 1);
    let claimed = claim(&kit, &printer, &job, NONCES[2], 1).await.json();
    assert_eq!(claimed["lease"], 2);
    assert_eq!(kit.open_claimed(&printer, &claimed).await, GCODE);
}

#[tokio::test]
async fn a_claim_repeated_with_its_nonce_is_answered_again_under_the_same_lease() {
    let Scene { kit, buyer, printer, licence, job } = scene(true).await;
    let first = claim(&kit, &printer, &job, NONCES[0], 0).await.json();
    let again = claim(&kit, &printer, &job, NONCES[0], 0).await.json();
    assert_eq!((&first["lease"], &again["lease"]), (&json!(1), &json!(1)));
    assert_eq!(kit.open_claimed(&printer, &again).await, GCODE);
    assert_eq!(kit.licence(&buyer, &licence).await["prints_reserved"], 1);
    let state = &kit.store.state;
    let row = crate::purchases::find_licence(state.db.read(), &licence).await.unwrap();
    assert_eq!(row.keys_released, 1);
}

#[tokio::test]
async fn many_claims_at_once_give_one_lease() {
    let Scene { kit, printer, job, .. } = scene(true).await;
    let nonces: Vec<_> = (0..12).map(|n| format!("nonce-0123456789-{n}")).collect();
    let answers = join_all(nonces.iter().map(|nonce| claim(&kit, &printer, &job, nonce, 0))).await;
    let (good, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.is_success());
    assert_eq!(good.len(), 1);
    assert!(refused.iter().all(|answer| answer.problem().1 == "lease_moved"));
    assert_eq!(listed(&kit, &printer).await, 1);
}

#[tokio::test]
async fn polls_at_once_hand_a_job_to_an_lmnt_printer_once() {
    let Scene { kit, printer, job, .. } = scene(false).await;
    let poll = || kit.agent(&printer, Method::GET, "/api/poll-print-queue", None);
    let answers = join_all((0..12).map(|_| poll())).await;
    let handed = answers.iter().filter(|answer| answer.json()["print_job_id"] == job.as_str()).count();
    assert_eq!(handed, 1);
}
