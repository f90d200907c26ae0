//! Jobs that cannot be sealed.

use std::fs;

use http::StatusCode;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

use super::kit::{GCODE, Kit};
use crate::schema::{job, release};

/// More than are looked at together and sealed at the same time.
const BROKEN: u64 = 80;

#[tokio::test]
async fn jobs_that_cannot_be_sealed_hold_up_no_others() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let broken = kit.bought(&seller, &buyer, json!({"prints": BROKEN})).await;
    let db = kit.store.state.db.read();
    let gone = release::Entity::find().one(db).await.unwrap().unwrap();
    fs::remove_file(kit.store.state.config.blob_path().join(&gone.blob)).unwrap();
    for _ in 0..BROKEN {
        let body = json!({"licence": broken, "printer": printer.id});
        assert_eq!(kit.post("/api/v1/jobs", &buyer, body).await.status, StatusCode::CREATED);
    }
    assert_eq!(job::Entity::find().count(db).await.unwrap(), BROKEN);
    let whole = kit.bought(&seller, &buyer, json!({})).await;
    let job = kit.ready_job(&buyer, &whole, &printer).await;
    let claimed = kit.claim(&printer, &job, "0123456789abcdef").await.json();
    assert_eq!(kit.open_claimed(&printer, &claimed).await, GCODE);
}
