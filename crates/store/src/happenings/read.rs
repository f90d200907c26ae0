//! Reading what happened: each consumer looks at everything once, and what it makes of it is saved with that.

use std::time::Duration;

use futures::future::BoxFuture;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use sealpost_api::happening::Event;
use sealpost_database::Tx;

use super::{BELL, Consumer};
use crate::fault::{Fault, Result};
use crate::schema::{happening, happening_turn};
use crate::state::AppState;

/// Code of what is never told to anybody.
const ELSEWHERE: &str = "looked_at_elsewhere";
/// Looked at together.
const BATCH: u64 = 50;
/// How long rings of other processes may go unheard.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How long what everybody looked at is kept.
const KEPT_MS: i64 = 35 * 24 * 3_600_000;

/// Gives a consumer what it has not looked at yet, oldest first: how many there were.
///
/// `work` saves what it makes of them in the transaction in which they are crossed off: it is run again when that fails, and what
/// it saved counts once, also with several processes.
///
/// # Errors
/// Those of `work` and of the database; then nothing was crossed off.
pub(crate) async fn take<F>(state: &AppState, consumer: Consumer, work: F) -> Result<usize>
where
    F: for<'t> Fn(&'t Tx, Vec<(happening::Model, Event)>) -> BoxFuture<'t, Result<()>>
        + Send
        + Sync
        + 'static,
{
    let waiting = waiting(state, consumer).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let count = waiting.len();
    let shared = std::sync::Arc::new((waiting, work));
    let done = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (waiting, work) = &*shared;
                let crossed = happening_turn::Entity::delete_many()
                    .filter(happening_turn::Column::Consumer.eq(consumer.name()))
                    .filter(happening_turn::Column::Happening.is_in(waiting))
                    .exec(tx)
                    .await?;
                if crossed.rows_affected == 0 {
                    return Ok(());
                }
                if crossed.rows_affected != waiting.len() as u64 {
                    // Another process is at some of them: whoever comes later looks again.
                    return Err(another_is_at_it());
                }
                let rows = happening::Entity::find()
                    .filter(happening::Column::Id.is_in(waiting))
                    .order_by_asc(happening::Column::At)
                    .order_by_asc(happening::Column::Id)
                    .all(tx)
                    .await?;
                let read = rows.into_iter().map(|row| {
                    let event = serde_json::from_str(&row.payload)?;
                    Ok((row, event))
                });
                work(tx, read.collect::<Result<_>>()?).await
            })
        })
        .await;
    match done {
        // What is left shows with the next look.
        Err(Fault::Problem(problem)) if problem.code == ELSEWHERE => Ok(count),
        done => done.map(|()| count),
    }
}

/// Becomes ready when something may have happened since this was called.
pub(crate) fn wait(state: &AppState) -> impl Future<Output = ()> + Send + 'static {
    let rung = BELL.notified();
    let several = Duration::from_millis(state.config.sweep_interval_ms.saturating_mul(10));
    let longest = LONGEST_WAIT.min(several);
    async move { drop(tokio::time::timeout(longest, rung).await) }
}

/// Forgets what is old and was looked at by everybody.
pub(crate) async fn forget(state: &AppState) -> Result<()> {
    let before = state.clock.now_ms() - KEPT_MS;
    state
        .db
        .write(move |tx| {
            Box::pin(async move {
                // Whoever did not look for that long will not.
                happening_turn::Entity::delete_many()
                    .filter(happening_turn::Column::At.lt(before))
                    .exec(tx)
                    .await?;
                let waiting = happening_turn::Entity::find()
                    .select_only()
                    .column(happening_turn::Column::Happening)
                    .into_query();
                happening::Entity::delete_many()
                    .filter(happening::Column::At.lt(before))
                    .filter(happening::Column::Id.not_in_subquery(waiting))
                    .exec(tx)
                    .await?;
                Ok(())
            })
        })
        .await
}

async fn waiting(state: &AppState, consumer: Consumer) -> Result<Vec<String>> {
    Ok(happening_turn::Entity::find()
        .select_only()
        .column(happening_turn::Column::Happening)
        .filter(happening_turn::Column::Consumer.eq(consumer.name()))
        .order_by_asc(happening_turn::Column::At)
        .order_by_asc(happening_turn::Column::Happening)
        .limit(BATCH)
        .into_tuple()
        .all(state.db.read())
        .await?)
}

fn another_is_at_it() -> Fault {
    sealpost_api::Problem::new(409, ELSEWHERE, "Another process is at it").into()
}
