//! From a publisher's file to a counted print.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::{GCODE, Kit, claims};

const NONCE: &str = "0123456789abcdef0123";

#[tokio::test]
async fn a_purchased_part_reaches_the_printer_byte_for_byte_and_is_counted_once() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 3})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;

    let poll = kit.agent(&printer, Method::GET, "/api/printer-agent/poll-print-queue", None).await;
    assert_eq!(poll.json()["jobs"][0]["print_job_id"], job.as_str());
    assert!(!poll.text().contains("dek"), "a list holds no key: {}", poll.text());

    let claimed = kit.claim(&printer, &job, NONCE).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    let claimed = claimed.json();
    assert_eq!(claimed["cipher"], "age");
    assert_eq!(kit.open_claimed(&printer, &claimed).await, GCODE);
    let manifest = claims(claimed["job_manifest"].as_str().unwrap());
    assert_eq!(manifest["nonce"], NONCE);
    assert_eq!(manifest["aud"], printer.id.as_str());

    for (id, status) in [("r1", "starting"), ("r2", "printing"), ("r3", "success"), ("r3", "success")] {
        let answer = kit.report(&printer, &job, 1, id, status).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    let licence = kit.licence(&buyer, &licence).await;
    assert_eq!((&licence["prints_used"], &licence["prints_reserved"]), (&json!(1), &json!(0)));
    let shown = kit.get(&format!("/api/v1/jobs/{job}"), &buyer).await.json();
    assert_eq!((&shown["state"], &shown["filament_used_mm_x100"]), (&json!("success"), &json!(1250)));
}

#[tokio::test]
async fn an_lmnt_printer_gets_one_claimed_job_in_its_own_cipher() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, false).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 3})).await;
    let first = kit.ready_job(&buyer, &licence, &printer).await;
    kit.pass_s(1);
    kit.ready_job(&buyer, &licence, &printer).await;

    let poll = kit.agent(&printer, Method::GET, "/api/printer-agent/poll-print-queue", None).await.json();
    let jobs = poll["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!((&jobs[0]["print_job_id"], &jobs[0]["cipher"]), (&json!(first), &json!("aes-256-cbc")));
    assert_eq!(kit.open_claimed(&printer, &jobs[0]).await, GCODE);
    let again = kit.agent(&printer, Method::GET, "/api/poll-print-queue", None).await.json();
    assert_eq!(again, json!({}), "nothing else is handed out while a job is under way");

    let path = format!("/api/printer-agent/1.0.0/job-status/{first}");
    let printing = json!({"status": "printing", "print_duration": 3.2});
    assert_eq!(kit.agent(&printer, Method::POST, &path, Some(printing)).await.status, StatusCode::OK);
    let body = json!({"print_job_id": first, "status": "success"});
    let reported = kit.agent(&printer, Method::POST, "/api/report-print-status", Some(body)).await.json();
    assert_eq!((&reported["status"], &reported["outcome"]), (&json!("Reported"), &json!("success")));
    let flat = kit.agent(&printer, Method::GET, "/api/get-print-job", None).await.json();
    assert_eq!(flat["gcode_file_url"], flat["encrypted_gcode_download_url"]);
    assert_eq!(kit.open_claimed(&printer, &flat).await, GCODE);
}

#[tokio::test]
async fn a_licence_gives_as_many_prints_as_it_says() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 2})).await;
    for _ in 0..2 {
        kit.ready_job(&buyer, &licence, &printer).await;
    }
    let body = json!({"licence": licence, "printer": printer.id});
    let refused = kit.post("/api/v1/jobs", &buyer, body).await;
    assert_eq!(refused.problem(), (402, "licence_exhausted".to_owned()));
}

#[tokio::test]
async fn a_key_leaves_the_vault_only_for_its_printer_and_never_after_the_start() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let other = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;

    assert_eq!(kit.claim(&other, &job, NONCE).await.problem().0, 404);
    let first = kit.claim(&printer, &job, NONCE).await.json();
    let second = kit.claim(&printer, &job, "fedcba98765432100123").await.json();
    assert_eq!((&first["lease"], &second["lease"]), (&json!(1), &json!(2)));
    let old = kit.report(&printer, &job, 1, "r1", "starting").await;
    assert_eq!(old.problem(), (409, "old_lease".to_owned()));
    assert_eq!(kit.report(&printer, &job, 2, "r1", "starting").await.status, StatusCode::OK);
    let late = kit.claim(&printer, &job, "00000000000000000000").await;
    assert_eq!(late.problem(), (409, "already_started".to_owned()));
}

#[tokio::test]
async fn a_blob_comes_in_parts_with_its_hash_as_its_name() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    let claimed = kit.claim(&printer, &job, NONCE).await.json();
    let manifest = claims(claimed["job_manifest"].as_str().unwrap());
    for path in ["/api/printer-agent/download-gcode", "/api/print/download-gcode"] {
        let path = format!("{path}?print_job_id={job}");
        let whole = kit.agent(&printer, Method::GET, &path, None).await;
        assert_eq!(whole.headers["etag"], format!("\"{}\"", manifest["blob_sha256"].as_str().unwrap()));
        let request = http::Request::get(&path)
            .header("authorization", format!("Bearer {}", printer.token))
            .header("range", "bytes=10-19")
            .body(axum::body::Body::empty())
            .unwrap();
        let part = kit.send(request).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers["content-range"], format!("bytes 10-19/{}", whole.body.len()));
        assert_eq!(part.body, whole.body[10..20]);
    }
}

#[tokio::test]
async fn a_job_that_waits_to_be_sealed_is_sealed_by_the_next_run() {
    let kit = Kit::with(|config| config.parallel_streams = 1).await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let _no_room = kit.store.state.sealings.clone().acquire_owned().await.unwrap();
    let body = json!({"licence": licence, "printer": printer.id});
    let job = kit.post("/api/v1/jobs", &buyer, body).await.string("id");
    assert_eq!(kit.state_of(&buyer, &job).await, "sealing");

    let next = kit.again().await;
    let mut waiting = next.store.state.hub.wait(&printer.id);
    while next.state_of(&buyer, &job).await == "sealing" {
        waiting.ring().await.unwrap();
    }
    let claimed = next.claim(&printer, &job, NONCE).await.json();
    assert_eq!(next.open_claimed(&printer, &claimed).await, GCODE);
}

#[tokio::test]
async fn sealed_once_every_job_takes_the_blob_of_the_release() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"seal_once": true})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    assert_eq!(kit.blobs().len(), 1);
    let claimed = kit.claim(&printer, &job, NONCE).await.json();
    assert_eq!(kit.open_claimed(&printer, &claimed).await, GCODE);
    kit.report(&printer, &job, 1, "r1", "success").await;
    assert_eq!(kit.blobs().len(), 1, "the release keeps its blob");
}

#[tokio::test]
async fn the_documented_buying_routes_lead_to_a_print() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, false).await;
    let listing = kit.listing(&seller, json!({})).await;
    kit.publish(&seller, json!({"listing": listing, "version": "1"}), GCODE).await;
    let body = json!({"model_id": listing, "license_type": "pay-per-print", "storage_currency": "HBAR"});
    let bought = kit.post("/api/purchase-model", &buyer, body).await.json();
    assert_eq!((&bought["status"], &bought["prints_allowed"]), (&json!("purchased"), &json!(1)));
    let purchase: &Value = &bought["purchase_id"];
    let body = json!({"purchase_id": purchase, "print_profile_id": "p", "print_immediately": false});
    assert_eq!(kit.post("/api/prepare", &buyer, body).await.json()["status"], "completed");
    let body = json!({"purchase_id": purchase});
    let printed = kit.post("/api/print", &buyer, body.clone()).await.json();
    assert_eq!(printed["status"], "queued");
    let job = printed["print_job_id"].as_str().unwrap();
    assert!(!kit.state_of(&buyer, job).await.is_empty());
    assert_eq!(kit.post("/api/print", &buyer, body).await.problem(), (402, "licence_exhausted".to_owned()));
    assert!(!printer.id.is_empty());
}
