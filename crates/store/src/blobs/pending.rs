//! Notes about blobs that belong to nobody: being written, or given up. Noted first, so that none is left behind by a crash.
//!
//! Whoever writes a blob renews its note. One that was not renewed for [`SILENT_MS`] belongs to a process that is gone: another
//! one dooms it, and then nobody can adopt the blob any more, not even its writer, should that come back. Nothing is deleted
//! before its note is doomed.

use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_api::Problem;
use sealpost_database::Tx;
use sealpost_faults::point;
use tokio::task::AbortHandle;

use super::audit::is_owned;
use crate::fault::Result;
use crate::points;
use crate::schema::pending_blob::{ActiveModel, Column, Entity};
use crate::state::AppState;

/// How long a note about a blob that is being written is believed.
pub(super) const SILENT_MS: i64 = 15 * 60_000;
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(60);
/// Notes looked at together.
const BATCH: u64 = 256;

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

/// Renews a note until it is aborted.
pub(crate) fn renew(state: &AppState, name: &str) -> AbortHandle {
    let (state, name) = (state.clone(), name.to_owned());
    let renewing = async move {
        loop {
            tokio::time::sleep(RENEW).await;
            let (note, now) = (name.clone(), state.clock.now_ms());
            let renewed: Result<()> = state
                .db
                .write(move |tx| {
                    let change = ActiveModel { created_at: Set(now), ..Default::default() };
                    let mine = Condition::all().add(Column::Id.eq(&note)).add(Column::Doomed.eq(false));
                    let change = Entity::update_many().set(change).filter(mine);
                    Box::pin(async move { Ok(change.exec(tx).await.map(drop)?) })
                })
                .await;
            if let Err(fault) = renewed {
                tracing::warn!(name, problem = %fault.problem(), "a note about a blob could not be renewed");
            }
        }
    };
    tokio::spawn(renewing).abort_handle()
}

/// Takes the note back, in the transaction that gives the blob an owner. Without a note nobody may have it: it was given up
/// because its writer was silent for too long.
pub(crate) async fn adopt(tx: &Tx, name: &str) -> Result<()> {
    let mine = Condition::all().add(Column::Id.eq(name)).add(Column::Doomed.eq(false));
    if Entity::delete_many().filter(mine).exec(tx).await?.rows_affected == 1 {
        return Ok(());
    }
    Err(Problem::new(503, "given_up", "The store stood still for too long")
        .detail("What it had written was given up meanwhile; nothing was kept.")
        .hint("Send it again.")
        .into())
}

/// Gives a blob up, in the transaction that takes its owner; the next sweep deletes it.
pub(crate) async fn orphan(tx: &Tx, name: &str, now: i64) -> Result<()> {
    note(tx, name, true, now).await
}

/// Deletes what was announced, unless it has an owner.
///
/// Whoever wrote it may not know: the answer to its transaction got lost, or nobody waited for it. The note does, and asking it is a
/// write, which comes after that transaction. Where it cannot be asked the blob stays until the note is silent.
pub(crate) async fn give_up(state: &AppState, name: &str) {
    let (note, now) = (name.to_owned(), state.clock.now_ms());
    let doomed: Result<bool> = state
        .db
        .write(move |tx| {
            let name = note.clone();
            Box::pin(async move {
                let change = ActiveModel { doomed: Set(true), created_at: Set(now), ..Default::default() };
                let mine = Condition::all().add(Column::Id.eq(&name)).add(Column::Doomed.eq(false));
                let doomed =
                    Entity::update_many().set(change).filter(mine).exec(tx).await?.rows_affected == 1;
                // Without a note it was adopted, or swept while its writer was silent.
                Ok(doomed || !is_owned(tx, &name).await?)
            })
        })
        .await;
    match doomed {
        Ok(true) => discard(state, name).await,
        Ok(false) => {}
        Err(fault) => {
            tracing::warn!(name, problem = %fault.problem(), "a blob could not be given up; it goes when it is silent");
        }
    }
}

/// Deletes a blob that has no owner, and its note, which is doomed or gone: nobody can have it any more.
async fn discard(state: &AppState, name: &str) {
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
            let doomed = Condition::all().add(Column::Id.eq(&forgotten)).add(Column::Doomed.eq(true));
            let forget = Entity::delete_many().filter(doomed);
            Box::pin(async move { Ok(forget.exec(tx).await.map(drop)?) })
        })
        .await;
    if done.is_err() {
        tracing::warn!(name, "the note about a deleted blob stays");
    }
}

/// Deletes what was given up, and what processes that are gone were writing.
pub(crate) async fn sweep(state: &AppState) -> Result<()> {
    doom(state, state.clock.now_ms().saturating_sub(SILENT_MS)).await?;
    discard_doomed(state).await
}

/// Deletes what an earlier run left behind; with `alone`, nobody else is writing.
pub(crate) async fn sweep_at_start(state: &AppState, alone: bool) -> Result<()> {
    if alone {
        doom(state, i64::MAX).await?;
    }
    sweep(state).await
}

/// From here on nobody can adopt what was last spoken of by `spoken`.
async fn doom(state: &AppState, spoken: i64) -> Result<()> {
    let silent = Condition::all().add(Column::CreatedAt.lte(spoken)).add(Column::Doomed.eq(false));
    if Entity::find().filter(silent.clone()).limit(1).one(state.db.read()).await?.is_none() {
        return Ok(());
    }
    state
        .db
        .write(move |tx| {
            let change = ActiveModel { doomed: Set(true), ..Default::default() };
            let change = Entity::update_many().set(change).filter(silent.clone());
            Box::pin(async move { Ok(change.exec(tx).await.map(drop)?) })
        })
        .await
}

async fn discard_doomed(state: &AppState) -> Result<()> {
    let mut last = String::new();
    loop {
        let doomed = Entity::find().filter(Column::Doomed.eq(true)).filter(Column::Id.gt(&last));
        let rows = doomed.order_by_asc(Column::Id).limit(BATCH).all(state.db.read()).await?;
        for row in &rows {
            discard(state, &row.id).await;
        }
        let Some(row) = rows.last().filter(|_| rows.len() as u64 == BATCH) else { return Ok(()) };
        last.clone_from(&row.id);
    }
}

async fn note(tx: &Tx, name: &str, doomed: bool, now: i64) -> Result<()> {
    let row = ActiveModel { id: Set(name.to_owned()), doomed: Set(doomed), created_at: Set(now) };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
