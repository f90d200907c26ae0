//! Keys and files that are gone: whoever needs them is told to come again, and what can be sealed anew is.

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

    async fn lose_file(&self) {
        let row = crate::jobs::find(self.kit.store.state.db.read(), &self.job).await.unwrap();
        let path = self.kit.store.state.config.blob_path().join(row.blob.unwrap());
        std::fs::remove_file(path).unwrap();
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

/// It was given its key: nothing is sealed under another one, and it costs nothing while the operator mends it.
#[tokio::test]
async fn the_printer_of_a_claimed_job_whose_file_is_gone_is_told_to_come_again() {
    let scene = scene(true, json!({"prints": 1})).await;
    scene.kit.claim(&scene.printer, &scene.job, "nonce-nonce-nonce-1").await.json();
    scene.lose_file().await;
    assert_eq!(scene.download().await.status.as_u16(), 503);
    assert_eq!(scene.kit.state_of(&scene.buyer, &scene.job).await, "processing");
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
