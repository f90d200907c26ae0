//! Blobs that belong to nobody: being written, or no longer needed. Noted first, so that none is left behind by a crash.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use sealpost_database::Tx;
use sealpost_faults::point;

use crate::fault::Result;
use crate::points;
use crate::schema::pending_blob::{ActiveModel, Column, Entity};
use crate::state::AppState;

/// How long a note about a blob that is being written is left alone where other processes share the database.
const LEFT_ALONE_MS: i64 = 24 * 3_600_000;

/// Notes a blob before its first byte is written.
pub(crate) async fn announce(state: &AppState, name: &str) -> Result<()> {
    let (name, now) = (name.to_owned(), state.clock.now_ms());
    let done = state
        .db
        .write(move |tx| {
            let name = name.clone();
            Box::pin(async move {
                note(tx, &name, false, now).await?;
                Ok(points::BLOB_NOTE.before()?)
            })
        })
        .await;
    points::BLOB_NOTE.behind(done)
}

/// Takes the note back, in the transaction that gives the blob an owner.
pub(crate) async fn adopt(tx: &Tx, name: &str) -> Result<()> {
    Entity::delete_many().filter(Column::Id.eq(name)).exec(tx).await?;
    Ok(())
}

/// Gives a blob up, in the transaction that takes its owner; the next sweep deletes it.
pub(crate) async fn orphan(tx: &Tx, name: &str, now: i64) -> Result<()> {
    note(tx, name, true, now).await
}

/// Deletes a noted blob and its note.
pub(crate) async fn discard(state: &AppState, name: &str) {
    point(points::BLOB_DISCARD);
    if let Err(error) = state.blobs.delete(name).await {
        tracing::warn!(name, %error, "a blob that nobody needs could not be deleted");
        return;
    }
    point(points::BLOB_DISCARDED);
    let forgotten = name.to_owned();
    let done: Result<()> = state
        .db
        .write(move |tx| {
            let name = forgotten.clone();
            Box::pin(async move { adopt(tx, &name).await })
        })
        .await;
    if done.is_err() {
        tracing::warn!(name, "the note about a deleted blob stays");
    }
}

/// Deletes what was given up.
pub(crate) async fn sweep(state: &AppState) -> Result<()> {
    discard_all(state, Condition::all().add(Column::Doomed.eq(true))).await
}

/// Deletes what an earlier run left behind; with `alone`, nobody else is writing.
pub(crate) async fn sweep_at_start(state: &AppState, alone: bool) -> Result<()> {
    let age = if alone { 0 } else { LEFT_ALONE_MS };
    let oldest = state.clock.now_ms().saturating_sub(age);
    let left = Condition::any().add(Column::Doomed.eq(true)).add(Column::CreatedAt.lte(oldest));
    discard_all(state, left).await
}

async fn discard_all(state: &AppState, which: Condition) -> Result<()> {
    for row in Entity::find().filter(which).all(state.db.read()).await? {
        discard(state, &row.id).await;
    }
    Ok(())
}

async fn note(tx: &Tx, name: &str, doomed: bool, now: i64) -> Result<()> {
    let row = ActiveModel { id: Set(name.to_owned()), doomed: Set(doomed), created_at: Set(now) };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
