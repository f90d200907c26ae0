//! Keys and files that are gone: whoever needs them is told to come again, and what can be sealed anew is.

use std::path::PathBuf;

use http::{Method, StatusCode};
use serde_json::json;

use super::kit::{Answer, GCODE, Kit, Printer, until};

struct Scene {
    kit: Kit,
    buyer: String,
    printer: Printer,
    job: String,
    release: String,
}

async fn scene(sealpost: bool, terms: serde_json::Value) -> Scene {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, sealpost).await;
    let licence = kit.bought(&seller, &buyer, terms).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    let release = crate::jobs::find(kit.store.state.db.read(), &job).await.unwrap().release;
    Scene { kit, buyer, printer, job, release }
}

impl Scene {
    async fn lose_key(&self, of: &str) {
        let gone = self.kit.execute(&format!("DELETE FROM vault WHERE id = '{of}'")).await;
        assert_eq!(gone, 1);
    }

    async fn lose_file(&self) -> (PathBuf, Vec<u8>) {
        let row = crate::jobs::find(self.kit.store.state.db.read(), &self.job).await.unwrap();
        let path = self.kit.store.state.config.blob_path().join(row.blob.unwrap());
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        (path, bytes)
    }

    /// The claimed job has a file again.
    async fn sealed_again(&self) {
        let db = self.kit.store.state.db.read();
        until(async || crate::jobs::find(db, &self.job).await.unwrap().blob.is_some()).await;
    }

    async fn report(&self, lease: u64, status: &str) {
        let said = self.kit.report(&self.printer, &self.job, lease, status, status).await;
        assert_eq!(said.status, StatusCode::OK, "{}", said.text());
    }

    /// Prints and free retries that are used, and prints that are reserved.
    async fn spent(&self) -> (u32, u32, u32) {
        let row = crate::jobs::find(self.kit.store.state.db.read(), &self.job).await.unwrap();
        let licence = crate::purchases::find_licence(self.kit.store.state.db.read(), &row.licence).await;
        let licence = licence.unwrap().to_market().unwrap();
        (licence.used, licence.free_retries_used, licence.reserved)
    }

    async fn ready_again(&self) {
        until(async || self.kit.state_of(&self.buyer, &self.job).await == "ready_to_print").await;
    }

    async fn download(&self) -> Answer {
        let path = format!("/api/printer-agent/download-gcode?print_job_id={}", self.job);
        self.kit.agent(&self.printer, Method::GET, &path, None).await
    }
}

#[tokio::test]
async fn a_job_whose_key_is_gone_is_sealed_anew_when_it_is_claimed_and_prints() {
    let scene = scene(true, json!({"prints": 1})).await;
    scene.lose_key(&scene.job).await;
    let refused = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await;
    assert_eq!(refused.problem(), (503, "sealing_anew".to_owned()));
    scene.ready_again().await;
    let claimed = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-2").await.json();
    assert_eq!(claimed["lease"], 1, "no key was given before");
    assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed).await, GCODE);
}

#[tokio::test]
async fn an_lmnt_printer_gets_it_with_a_later_poll() {
    let scene = scene(false, json!({"prints": 1})).await;
    scene.lose_key(&scene.job).await;
    let poll = async || scene.kit.agent(&scene.printer, Method::GET, "/api/poll-print-queue", None).await;
    let first = poll().await;
    assert_eq!((first.status, first.json()), (StatusCode::OK, json!({})));
    scene.ready_again().await;
    let claimed = poll().await.json();
    assert_eq!(claimed["print_job_id"], scene.job);
    assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed).await, GCODE);
}

#[tokio::test]
async fn a_job_whose_file_is_gone_is_sealed_anew_when_it_is_fetched() {
    let scene = scene(true, json!({"prints": 1})).await;
    scene.lose_file().await;
    assert_eq!(scene.download().await.problem(), (503, "sealing_anew".to_owned()));
    scene.ready_again().await;
    assert!(scene.download().await.status.is_success());
}

/// It was given a key for what is gone: it claims again, and gets another one under the next lease.
#[tokio::test]
async fn a_claimed_job_whose_file_is_gone_is_sealed_anew_and_claimed_again() {
    let scene = scene(true, json!({"prints": 1, "free_retries": 1})).await;
    let first = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await.json();
    scene.lose_file().await;
    assert_eq!(scene.download().await.problem(), (409, "claim_again".to_owned()));
    scene.sealed_again().await;
    // What is there now is sealed under another key than the one that was given.
    assert_eq!(scene.download().await.problem(), (409, "claim_again".to_owned()));
    let second = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-2").await.json();
    assert_eq!((&first["lease"], &second["lease"]), (&json!(1), &json!(2)));
    assert_eq!(scene.kit.open_claimed(&scene.printer, &second).await, GCODE);
    let late = scene.kit.report(&scene.printer, &scene.job, 1, "r0", "failure").await;
    assert_eq!(late.problem(), (409, "old_lease".to_owned()));
    scene.report(2, "starting").await;
    scene.report(2, "success").await;
    assert_eq!(scene.spent().await, (1, 0, 0));
}

#[tokio::test]
async fn a_printer_that_gives_up_what_the_store_lost_costs_nothing() {
    for (seal_once, answer) in [(false, (409, "claim_again")), (true, (503, "file_missing"))] {
        let terms = json!({"prints": 1, "free_retries": 1, "seal_once": seal_once});
        let scene = scene(true, terms).await;
        scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await.json();
        scene.lose_file().await;
        for _ in 0..3 {
            assert_eq!(scene.download().await.problem(), (answer.0, answer.1.to_owned()));
        }
        scene.report(1, "failure").await;
        assert_eq!(scene.kit.state_of(&scene.buyer, &scene.job).await, "failure");
        assert_eq!(scene.spent().await, (0, 0, 0), "neither a print nor a free retry");
    }
}

/// What its printer began all the same counts as ever.
#[tokio::test]
async fn a_print_that_began_before_its_file_was_lost_counts() {
    let scene = scene(true, json!({"prints": 1, "free_retries": 0})).await;
    let claimed = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await.json();
    assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed).await, GCODE);
    scene.lose_file().await;
    assert_eq!(scene.download().await.status, StatusCode::CONFLICT);
    scene.report(1, "starting").await;
    scene.report(1, "failure").await;
    assert_eq!(scene.spent().await, (1, 0, 0));
}

#[tokio::test]
async fn a_release_that_is_put_back_prints_under_the_claim_there_is() {
    let scene = scene(true, json!({"prints": 1, "seal_once": true})).await;
    let claimed = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await.json();
    let file = scene.lose_file().await;
    assert_eq!(scene.download().await.problem(), (503, "file_missing".to_owned()));
    std::fs::write(file.0, file.1).unwrap();
    assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed).await, GCODE);
    scene.report(1, "starting").await;
    scene.report(1, "success").await;
    assert_eq!(scene.spent().await, (1, 0, 0));
}

/// The answer to the first claim was lost, and its key was afterwards.
#[tokio::test]
async fn a_claim_repeated_after_its_key_was_lost_is_answered_under_the_next_lease() {
    let scene = scene(true, json!({"prints": 1, "free_retries": 1})).await;
    let claim = async || scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await;
    claim().await.json();
    scene.lose_key(&scene.job).await;
    assert_eq!(claim().await.problem(), (503, "sealing_anew".to_owned()));
    scene.sealed_again().await;
    let listed = scene.kit.poll(&scene.printer).await;
    assert_eq!(listed["jobs"][0]["print_job_id"], scene.job.as_str());
    let claimed = claim().await.json();
    assert_eq!(claimed["lease"], 2);
    assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed).await, GCODE);
    assert_eq!(claim().await.json()["lease"], 2, "and then again under that one");
}

#[tokio::test]
async fn a_claimed_release_whose_key_was_lost_is_given_up_without_a_cost() {
    let scene = scene(true, json!({"prints": 1, "free_retries": 1, "seal_once": true})).await;
    let claim = async || scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await;
    claim().await.json();
    scene.lose_key(&scene.release).await;
    assert_eq!(claim().await.problem(), (503, "key_missing".to_owned()));
    scene.report(1, "cancelled").await;
    assert_eq!(scene.spent().await, (0, 0, 0));
}

/// It never had the key, so it has no lease to speak under.
#[tokio::test]
async fn what_is_given_up_before_its_key_left_costs_nothing() {
    for status in ["failure", "cancelled"] {
        let scene = scene(true, json!({"prints": 1, "free_retries": 1})).await;
        scene.report(0, status).await;
        assert_eq!(scene.kit.state_of(&scene.buyer, &scene.job).await, status);
        assert_eq!(scene.spent().await, (0, 0, 0));
        // Sent again, because its answer was lost.
        scene.report(0, status).await;
    }
}

/// What one job lost is no matter of those behind it.
#[tokio::test]
async fn a_job_that_cannot_be_given_is_skipped_and_the_next_one_prints() {
    for sealpost in [true, false] {
        for key in [true, false] {
            let scene = scene(sealpost, json!({"prints": 1, "seal_once": sealpost})).await;
            let seller = scene.kit.person("second").await;
            let licence = scene.kit.bought(&seller, &scene.buyer, json!({"prints": 1})).await;
            let next = scene.kit.ready_job(&scene.buyer, &licence, &scene.printer).await;
            let lost = if key { "key_missing" } else { "file_missing" };
            if key {
                scene.lose_key(if sealpost { &scene.release } else { &scene.job }).await;
            } else {
                scene.lose_file().await;
            }
            let claimed = if sealpost {
                let jobs = scene.kit.poll(&scene.printer).await["jobs"].clone();
                assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs}");
                assert_eq!(jobs[0]["print_job_id"], next.as_str());
                let refused = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await;
                assert_eq!(refused.problem(), (503, lost.to_owned()), "no key leaves for what is not there");
                scene.kit.claim(&scene.printer, &next, "nonce-nonce-nonce-2").await.json()
            } else {
                scene.kit.agent(&scene.printer, Method::GET, "/api/poll-print-queue", None).await.json()
            };
            assert_eq!(claimed["print_job_id"], next.as_str());
            assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed).await, GCODE);
            // What an LMNT printer prints is sealed for it alone, and so it is sealed anew.
            if sealpost {
                assert_eq!(scene.kit.state_of(&scene.buyer, &scene.job).await, "ready_to_print");
            } else {
                scene.ready_again().await;
            }
        }
    }
}

/// A release's key cannot be made anew.
#[tokio::test]
async fn a_release_whose_key_is_gone_is_no_failure_of_who_asks() {
    let scene = scene(true, json!({"prints": 1, "seal_once": true})).await;
    scene.lose_key(&scene.release).await;
    let refused = scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await;
    assert_eq!(refused.problem(), (503, "key_missing".to_owned()));
    assert_eq!(scene.kit.state_of(&scene.buyer, &scene.job).await, "ready_to_print");
}
