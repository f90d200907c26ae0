//! Several processes of a store, and jobs that each of them could seal.

use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, DbBackend, EntityTrait};
use serde_json::json;

use super::kit::{Kit, until};
use crate::jobs::Turn;
use crate::schema::sealing::{ActiveModel, Entity};

/// While another process says that it seals the job this one does not; when that is silent for long, it does.
#[tokio::test]
async fn a_job_is_sealed_by_one_process_and_by_another_when_that_is_gone() {
    let kit = Kit::new().await;
    let db = kit.store.state.db.read();
    if kit.store.state.db.backend() == DbBackend::Sqlite {
        return;
    }
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 3})).await;
    // Once it is known how long a job takes that nobody holds.
    kit.ready_job(&buyer, &licence, &printer).await;
    until(async || Entity::find().all(db).await.unwrap().is_empty()).await;

    let now = kit.store.state.clock.now_ms();
    let order = json!({"licence": licence, "printer": printer.id});
    // All turns of this process are taken: it cannot begin before the other one has said that it did.
    let permits = u32::try_from(kit.store.state.sealings.available_permits()).unwrap();
    let held = kit.store.state.sealings.acquire_many(permits).await.unwrap();
    let job = kit.post("/api/v1/jobs", &buyer, order).await.string("id");
    ActiveModel { job: Set(job.clone()), until: Set(now + 15_000) }.insert(db).await.unwrap();
    drop(held);
    assert!(Turn::take(&kit.store.state, &job).await.unwrap().is_none());
    assert_eq!(kit.state_of(&buyer, &job).await, "sealing");
    kit.pass_s(20);
    until(async || kit.state_of(&buyer, &job).await == "ready_to_print").await;
}
