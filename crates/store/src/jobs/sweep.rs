//! Deadlines: leases that fell silent, jobs that no printer claimed, blobs and answers that nobody needs.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::Actor;
use sealpost_faults::pass;
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change, find};
use crate::blobs::pending;
use crate::fault::{Fault, Result};
use crate::points;
use crate::schema::{answer, job, voucher};
use crate::state::AppState;

/// Jobs looked at together.
const BATCH: u64 = 256;
/// How long first answers are kept.
const ANSWERS_KEPT_MS: i64 = 48 * 3_600_000;

/// How long vouchers that ran out still say that they did.
const VOUCHERS_KEPT_MS: i64 = 30 * 24 * 3_600_000;
/// How often what ran out is forgotten: tokens, pairings, challenges, vouchers.
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
            if let Err(fault) = forget_what_ran_out(&state).await {
                tracing::error!(problem = %fault.problem(), "what ran out cannot be forgotten");
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

async fn forget_what_ran_out(state: &AppState) -> Result<()> {
    state.accounts.tokens().purge_expired().await?;
    state.identity.purge().await?;
    forget_vouchers(state, state.clock.now_ms() - VOUCHERS_KEPT_MS).await
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

/// Forgets first answers, oldest first, some at a time.
async fn forget_answers(state: &AppState, before: i64) -> Result<()> {
    loop {
        let old: Vec<i64> = answer::Entity::find()
            .select_only()
            .column(answer::Column::CreatedAt)
            .filter(answer::Column::CreatedAt.lt(before))
            .order_by_asc(answer::Column::CreatedAt)
            .limit(BATCH)
            .into_tuple()
            .all(state.db.read())
            .await?;
        let Some(newest) = old.last().copied() else { return Ok(()) };
        state
            .db
            .write::<_, Fault, _>(move |tx| {
                let forget = answer::Entity::delete_many().filter(answer::Column::CreatedAt.lte(newest));
                Box::pin(async move { Ok(forget.exec(tx).await.map(drop)?) })
            })
            .await?;
    }
}

/// Forgets vouchers that nobody can use any more; what they paid for keeps their hashes.
async fn forget_vouchers(state: &AppState, before: i64) -> Result<()> {
    let over = voucher::Column::ExpiresAt.lt(before);
    if voucher::Entity::find().filter(over.clone()).limit(1).one(state.db.read()).await?.is_none() {
        return Ok(());
    }
    state
        .db
        .write(move |tx| {
            let forget = voucher::Entity::delete_many().filter(over.clone());
            Box::pin(async move { Ok(forget.exec(tx).await.map(drop)?) })
        })
        .await
}
