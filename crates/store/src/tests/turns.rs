//! Several processes of a store, and jobs that each of them could seal.

use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, DbBackend, EntityTrait};
use serde_json::json;

use super::kit::{Kit, until};
use crate::jobs::{Turn, give_back, seal};
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
    ActiveModel { job: Set(job.clone()), until: Set(now + 15_000), owner: Set("another".to_owned()) }
        .insert(db)
        .await
        .unwrap();
    drop(held);
    assert!(Turn::take(&kit.store.state, &job).await.unwrap().is_none());
    assert_eq!(kit.state_of(&buyer, &job).await, "sealing");
    kit.pass_s(20);
    until(async || kit.state_of(&buyer, &job).await == "ready_to_print").await;
}

/// What another process sealed while this one waited for its turn is not sealed again.
#[tokio::test]
async fn a_job_that_was_sealed_meanwhile_is_not_sealed_again() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 3})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    let row = async || crate::jobs::find(kit.store.state.db.read(), &job).await.unwrap();
    let (before, files) = (row().await, kit.blobs());
    until(async || seal(&kit.store.state, &job).await.unwrap()).await;
    assert_eq!((row().await, kit.blobs()), (before, files));
}

/// A process that was too slow neither ends nor keeps the turn of the one that came after it.
#[tokio::test]
async fn a_turn_is_its_owners() {
    let kit = Kit::new().await;
    let state = &kit.store.state;
    if state.db.backend() == DbBackend::Sqlite {
        return;
    }
    let mut slow = Turn::take(state, "job").await.unwrap().unwrap();
    assert!(Turn::take(state, "job").await.unwrap().is_none());
    kit.pass_s(20);
    let next = Turn::take(state, "job").await.unwrap().unwrap();
    give_back(state, "job", slow.owner()).await.unwrap();
    let row = Entity::find_by_id("job").one(state.db.read()).await.unwrap().unwrap();
    assert_eq!(row.owner, next.owner());
    slow.lost().await;
    assert!(Turn::take(state, "job").await.unwrap().is_none());
}
