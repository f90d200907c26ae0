//! Leases, expiry, cancelling, deciding.

use http::{Method, StatusCode};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::kit::{Kit, Printer, until};
use crate::fault::Fault;
use crate::schema::job;

const NONCE: &str = "0123456789abcdef";

struct Scene {
    kit: Kit,
    seller: String,
    buyer: String,
    printer: Printer,
    licence: String,
    job: String,
}

async fn scene() -> Scene {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    Scene { kit, seller, buyer, printer, licence, job }
}

impl Scene {
    async fn until(&self, state: &str) {
        until(async || self.kit.state_of(&self.buyer, &self.job).await == state).await;
    }

    async fn counted(&self) -> (u64, u64) {
        let licence = self.kit.licence(&self.buyer, &self.licence).await;
        (licence["prints_used"].as_u64().unwrap(), licence["prints_reserved"].as_u64().unwrap())
    }
}

#[tokio::test]
async fn a_silent_printer_keeps_its_print_until_somebody_knows() {
    let scene = scene().await;
    scene.kit.claim(&scene.printer, &scene.job, NONCE).await;
    scene.kit.report(&scene.printer, &scene.job, 1, "r1", "printing").await;
    scene.kit.pass_s(3600);
    scene.until("interrupted").await;
    assert_eq!(scene.counted().await, (0, 1));
    let path = format!("/api/v1/jobs/{}/resolve", scene.job);
    let body = json!({"outcome": "failure", "message": "power cut"});
    assert_eq!(scene.kit.post(&path, &scene.buyer, body.clone()).await.problem().0, 403);
    let resolved = scene.kit.post(&path, &scene.seller, body).await.json();
    assert_eq!((&resolved["state"], &resolved["message"]), (&json!("failure"), &json!("power cut")));
    assert_eq!(scene.counted().await, (0, 0), "the free retry");
}

#[tokio::test]
async fn a_late_report_ends_an_interrupted_job() {
    let scene = scene().await;
    scene.kit.claim(&scene.printer, &scene.job, NONCE).await;
    scene.kit.report(&scene.printer, &scene.job, 1, "r1", "printing").await;
    scene.kit.pass_s(3600);
    scene.until("interrupted").await;
    let answer = scene.kit.report(&scene.printer, &scene.job, 1, "r2", "success").await;
    assert_eq!(answer.json()["state"], "success");
    assert_eq!(scene.counted().await, (1, 0));
}

#[tokio::test]
async fn a_job_that_no_printer_claims_expires_and_gives_its_print_back() {
    let scene = scene().await;
    scene.kit.pass_s(8 * 86_400);
    // Tokens live as long as ours: the printer's is still good, the sweep is what ends the job.
    scene.until("expired").await;
    assert_eq!(scene.counted().await, (0, 0));
    assert_eq!(scene.kit.claim(&scene.printer, &scene.job, NONCE).await.problem().0, 410);
    until(async || scene.kit.blobs().len() <= 1).await;
}

#[tokio::test]
async fn before_the_claim_a_cancel_ends_the_job_and_after_it_the_printer_is_asked() {
    let scene = scene().await;
    let second = {
        let licence = scene.kit.bought(&scene.seller, &scene.buyer, json!({})).await;
        scene.kit.ready_job(&scene.buyer, &licence, &scene.printer).await
    };
    let cancel = |job: &str| format!("/api/v1/jobs/{job}/cancel");
    let answer = scene.kit.post(&cancel(&second), &scene.buyer, json!({})).await;
    assert_eq!(answer.json()["state"], "cancelled");

    scene.kit.claim(&scene.printer, &scene.job, NONCE).await;
    scene.kit.report(&scene.printer, &scene.job, 1, "r1", "printing").await;
    let asked = scene.kit.post(&cancel(&scene.job), &scene.buyer, json!({})).await;
    assert_eq!(asked.json()["state"], "printing");
    let poll =
        scene.kit.agent(&scene.printer, Method::GET, "/api/printer-agent/poll-print-queue", None).await;
    assert_eq!(poll.json()["cancel_requested"], json!([scene.job]));
    let heard = scene.kit.report(&scene.printer, &scene.job, 1, "r2", "printing").await;
    assert_eq!(heard.json()["cancel_requested"], true);
    let ended = scene.kit.report(&scene.printer, &scene.job, 1, "r3", "cancelled").await;
    assert_eq!((ended.status, &ended.json()["state"]), (StatusCode::OK, &json!("cancelled")));
}

#[tokio::test]
async fn an_ended_job_has_no_key_and_no_blob_any_more() {
    let scene = scene().await;
    scene.kit.claim(&scene.printer, &scene.job, NONCE).await;
    scene.kit.report(&scene.printer, &scene.job, 1, "r1", "success").await;
    until(async || scene.kit.blobs().len() <= 1).await;
    let path = format!("/api/printer-agent/download-gcode?print_job_id={}", scene.job);
    let gone = scene.kit.agent(&scene.printer, Method::GET, &path, None).await;
    assert_eq!(gone.problem(), (410, "job_finished".to_owned()));
    let state = &scene.kit.store.state;
    assert!(crate::vault::open(state, state.db.read(), &scene.job).await.is_err());
}

#[tokio::test]
async fn one_job_that_cannot_be_ended_holds_up_no_other_deadline() {
    let scene = scene().await;
    let damaged = {
        let licence = scene.kit.bought(&scene.seller, &scene.buyer, json!({})).await;
        scene.kit.ready_job(&scene.buyer, &licence, &scene.printer).await
    };
    scene.kit.claim(&scene.printer, &damaged, NONCE).await.json();
    let row = damaged.clone();
    let broken = scene.kit.store.state.db.write(move |tx| {
        let change = job::Entity::update_many()
            .col_expr(job::Column::Reports, Expr::value("no list"))
            .filter(job::Column::Id.eq(&row));
        Box::pin(async move { change.exec(tx).await.map(drop).map_err(Fault::from) })
    });
    broken.await.unwrap();
    // Its lease is looked at before any expiry.
    scene.kit.pass_s(8 * 86_400);
    scene.until("expired").await;
    let left = crate::jobs::find(scene.kit.store.state.db.read(), &damaged).await.unwrap();
    assert_eq!(left.state, "processing");
}
