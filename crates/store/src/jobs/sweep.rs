//! Deadlines: leases that fell silent, jobs that no printer claimed, blobs and answers that nobody needs.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use sealpost_accounts::Actor;
use sealpost_faults::pass;
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change, find};
use crate::blobs::pending;
use crate::fault::{Fault, Result};
use crate::points;
use crate::schema::{answer, job};
use crate::state::AppState;

/// Jobs looked at together.
const BATCH: u64 = 256;
/// How long first answers are kept.
const ANSWERS_KEPT_MS: i64 = 48 * 3_600_000;

/// How often expired tokens are forgotten.
const PURGE_EVERY_MS: i64 = 3_600_000;

/// Looks at all deadlines again and again, until the store stops.
pub(crate) async fn work(state: AppState) {
    let mut ticks = tokio::time::interval(Duration::from_millis(state.config.sweep_interval_ms));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut purged_at = i64::MIN;
    loop {
        ticks.tick().await;
        let now = state.clock.now_ms();
        if now.saturating_sub(purged_at) >= PURGE_EVERY_MS {
            purged_at = now;
            if let Err(error) = state.accounts.tokens().purge_expired().await {
                tracing::error!(problem = %error.problem(), "expired tokens cannot be forgotten");
            }
        }
        if let Err(fault) = once(&state).await {
            tracing::error!(problem = %fault.problem(), "deadlines cannot be looked at");
        }
    }
}

async fn once(state: &AppState) -> Result<()> {
    pass(points::SWEEP)?;
    let now = state.clock.now_ms();
    let running = [JobState::Processing.as_str(), JobState::Printing.as_str(), JobState::Paused.as_str()];
    let silent =
        Condition::all().add(job::Column::State.is_in(running)).add(job::Column::LeaseUntil.lte(now));
    end_all(state, silent, &JobEvent::LeaseSilent).await?;
    let waiting = [JobState::Sealing.as_str(), JobState::ReadyToPrint.as_str()];
    let late = Condition::all().add(job::Column::State.is_in(waiting)).add(job::Column::ExpiresAt.lte(now));
    end_all(state, late, &JobEvent::Expire).await?;
    pending::sweep(state).await?;
    forget_answers(state, now - ANSWERS_KEPT_MS).await
}

async fn end_all(state: &AppState, which: Condition, event: &JobEvent) -> Result<()> {
    let rows = job::Entity::find().filter(which).limit(BATCH).all(state.db.read()).await?;
    for row in rows {
        let (shared, event) = (state.clone(), event.clone());
        let ended = state
            .db
            .write(move |tx| {
                let (state, id, event) = (shared.clone(), row.id.clone(), event.clone());
                Box::pin(async move {
                    let row = find(tx, &id).await?;
                    let now = state.clock.now_ms();
                    let more = job::ActiveModel::default();
                    let actor = Actor::System;
                    change(tx, &row, Change { event, actor: &actor, more, hub: Some(&state.hub), now })
                        .await?;
                    Ok(points::SILENCE.before()?)
                })
            })
            .await;
        match points::SILENCE.behind(ended) {
            // A report came first, or another process was faster.
            Ok(_) | Err(Fault::Problem(_) | Fault::Conflict) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

async fn forget_answers(state: &AppState, before: i64) -> Result<()> {
    let old = answer::Entity::find().filter(answer::Column::CreatedAt.lt(before)).limit(1);
    if old.one(state.db.read()).await?.is_none() {
        return Ok(());
    }
    state
        .db
        .write(move |tx| {
            Box::pin(async move {
                answer::Entity::delete_many().filter(answer::Column::CreatedAt.lt(before)).exec(tx).await?;
                Ok(())
            })
        })
        .await
}
