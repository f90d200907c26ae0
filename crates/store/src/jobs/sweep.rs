//! Deadlines: leases that fell silent, jobs that no printer claimed, blobs and answers that nobody needs.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::Actor;
use sealpost_faults::pass;
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change, find};
use crate::blobs::pending;
use crate::fault::{Fault, Result};
use crate::schema::{answer, job, voucher};
use crate::state::AppState;
use crate::{checkout, points};

/// Jobs looked at together.
const BATCH: u64 = 256;
/// How long first answers are kept.
const ANSWERS_KEPT_MS: i64 = 48 * 3_600_000;

/// How long vouchers that ran out still say that they did.
const VOUCHERS_KEPT_MS: i64 = 30 * 24 * 3_600_000;
/// How often what ran out is forgotten: tokens, pairings, challenges, vouchers.
const PURGE_EVERY_MS: i64 = 3_600_000;
/// How often people are told of printers that fell silent.
const SILENT_EVERY_MS: i64 = 10_000;

/// Looks at all deadlines again and again, until the store stops.
pub(crate) async fn work(state: AppState) {
    let mut ticks = tokio::time::interval(Duration::from_millis(state.config.sweep_interval_ms));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut purged_at = i64::MIN;
    let mut heard_of = state.identity.silence_begins();
    let mut looked_at = i64::MIN;
    loop {
        ticks.tick().await;
        let now = state.clock.now_ms();
        if now.saturating_sub(purged_at) >= PURGE_EVERY_MS {
            purged_at = now;
            if let Err(fault) = forget_what_ran_out(&state).await {
                tracing::error!(problem = %fault.problem(), "what ran out cannot be forgotten");
            }
        }
        if now.saturating_sub(looked_at) >= SILENT_EVERY_MS {
            looked_at = now;
            match state.identity.tell_of_silent(heard_of).await {
                Ok(until) => heard_of = until,
                Err(error) => {
                    tracing::warn!(problem = %error.problem(), "printers that went are not told of")
                }
            }
        }
        once(&state).await;
    }
}

/// Each deadline by itself: what is wrong with one of them holds no other up.
async fn once(state: &AppState) {
    if let Err(stopped) = pass(points::SWEEP) {
        return told("deadlines", Err(stopped.into()));
    }
    let now = state.clock.now_ms();
    let running = [JobState::Processing.as_str(), JobState::Printing.as_str(), JobState::Paused.as_str()];
    let silent =
        Condition::all().add(job::Column::State.is_in(running)).add(job::Column::LeaseUntil.lte(now));
    told("leases", end_all(state, silent, job::Column::LeaseUntil, &JobEvent::LeaseSilent).await);
    let waiting = [JobState::Sealing.as_str(), JobState::ReadyToPrint.as_str()];
    let late = Condition::all().add(job::Column::State.is_in(waiting)).add(job::Column::ExpiresAt.lte(now));
    told("waiting jobs", end_all(state, late, job::Column::ExpiresAt, &JobEvent::Expire).await);
    told("external payments", checkout::give_up_stale(state).await);
    told("needless blobs", pending::sweep(state).await);
    told("first answers", forget_answers(state, now - ANSWERS_KEPT_MS).await);
}

fn told(of: &str, looked: Result<()>) {
    if let Err(fault) = looked {
        tracing::error!(of, problem = %fault.problem(), "deadlines cannot be looked at");
    }
}

async fn forget_what_ran_out(state: &AppState) -> Result<()> {
    state.accounts.tokens().purge_expired().await?;
    state.identity.purge().await?;
    forget_vouchers(state, state.clock.now_ms() - VOUCHERS_KEPT_MS).await
}

/// Ends those of which this is true, earliest deadline first. One that cannot be ended is told and left.
async fn end_all(state: &AppState, which: Condition, deadline: job::Column, event: &JobEvent) -> Result<()> {
    let mut left = 0;
    loop {
        let ids: Vec<String> = job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .filter(which.clone())
            .order_by_asc(deadline)
            .order_by_asc(job::Column::Id)
            .offset(left)
            .limit(BATCH)
            .into_tuple()
            .all(state.db.read())
            .await?;
        for id in &ids {
            match end(state, id, event).await {
                Ok(()) => continue,
                // A report came first, or another process was faster.
                Err(Fault::Problem(_) | Fault::Conflict) => {}
                Err(fault) => {
                    tracing::error!(job = id, problem = %fault.problem(), "a job whose time is up cannot be ended");
                }
            }
            left += 1;
        }
        if (ids.len() as u64) < BATCH {
            return Ok(());
        }
    }
}

async fn end(state: &AppState, id: &str, event: &JobEvent) -> Result<()> {
    let (shared, id, event) = (state.clone(), id.to_owned(), event.clone());
    let ended = state
        .db
        .write(move |tx| {
            let (state, id, event) = (shared.clone(), id.clone(), event.clone());
            Box::pin(async move {
                let row = find(tx, &id).await?;
                let now = state.clock.now_ms();
                let more = job::ActiveModel::default();
                let actor = Actor::System;
                change(tx, &row, Change { event, actor: &actor, more, hub: Some(&state.hub), now }).await?;
                Ok(points::SILENCE.before()?)
            })
        })
        .await;
    points::SILENCE.behind(ended)
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
