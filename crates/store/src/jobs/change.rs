//! One event on one job: loaded, decided by the rules, saved by compare-and-set, with everything that follows from it.

use futures::future::BoxFuture;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use sealpost_accounts::{Actor, ApiError};
use sealpost_database::Tx;
use sealpost_market::{AccountId, Effect, Job, JobEvent, JobState, Party, PrinterId, Transition, apply};

use crate::blobs::pending;
use crate::fault::{Fault, Result};
use crate::hub::{Hub, wire};
use crate::live::{Live, Topic};
use crate::purchases::find_licence;
use crate::schema::job;
use crate::schema::value::to_timestamp;
use crate::{facts, happenings, vault};

/// What happens to a job, and what is saved with it.
pub(crate) struct Change<'a> {
    pub(crate) event: JobEvent,
    pub(crate) actor: &'a Actor,
    /// Columns the rules know nothing of.
    pub(crate) more: job::ActiveModel,
    /// Who is told; nobody where absent.
    pub(crate) hub: Option<&'a Hub>,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

/// The row of a job.
pub(crate) async fn find(db: &impl ConnectionTrait, id: &str) -> Result<job::Model> {
    let row = job::Entity::find_by_id(id).one(db).await?;
    row.ok_or_else(|| Fault::not_found("job"))
}

/// Applies an event to a job and saves what comes of it.
pub(crate) async fn change(tx: &Tx, row: &job::Model, change: Change<'_>) -> Result<Transition> {
    let licence = find_licence(tx, &row.licence).await?;
    let before = licence.to_market()?;
    let step = apply(row.to_market()?, before.clone(), change.event, to_timestamp(change.now))?;
    if step.repeated {
        return Ok(step);
    }
    let said = change.more.message.try_as_ref().cloned().flatten();
    let more = with_times(row, &step.job, change.more, change.now);
    row.save(tx, &step.job, more, change.now).await?;
    if step.licence != before {
        licence.save(tx, &step.licence).await?;
    }
    for effect in &step.effects {
        follow(tx, row, effect, change.hub, change.now).await?;
    }
    facts::record(tx, change.now, change.actor, &format!("job:{}", row.id), &step.facts)?;
    happenings::of_job(tx, change.now, row, &step.job, said, &step.facts).await?;
    if let Some(hub) = change.hub {
        let is_end = step.job.state.is_final() || step.job.state == JobState::Interrupted;
        let ends = is_end && row.state != step.job.state.as_str();
        tell(tx, hub.live(), row, ends).await?;
    }
    Ok(step)
}

/// Tells the pages of its buyer and of its publisher. That it ends reaches other processes whatever happens to this one. All else is
/// told behind the transaction, many together: PostgreSQL commits those that notify one after the other, and what a page misses
/// when a process is killed right then comes with the next word of the job.
pub(super) async fn tell(tx: &Tx, live: &Live, row: &job::Model, ends: bool) -> Result<()> {
    let publisher = Some(&row.publisher).filter(|publisher| **publisher != row.owner);
    for account in [Some(&row.owner), publisher].into_iter().flatten() {
        let topic = Topic::Job { id: row.id.clone() };
        if ends {
            live.tell_with(tx, account, topic).await?;
        } else {
            let (live, account) = (live.clone(), account.clone());
            tx.after_commit(move || live.tell(&account, topic));
        }
    }
    Ok(())
}

/// When it began and ended.
fn with_times(row: &job::Model, job: &Job, mut more: job::ActiveModel, now: i64) -> job::ActiveModel {
    if job.started && row.started_at.is_none() {
        more.started_at = Set(Some(now));
    }
    if job.state.is_final() && row.ended_at.is_none() {
        more.ended_at = Set(Some(now));
    }
    more
}

/// Takes back all jobs of a licence whose key is not out.
pub(crate) async fn cancel_waiting(hub: &Hub, tx: &Tx, licence: &str, actor: &Actor, now: i64) -> Result<()> {
    let rows = job::Entity::find().filter(job::Column::Licence.eq(licence)).filter(waiting()).all(tx).await?;
    cancel_all(hub, tx, &rows, actor, now).await
}

/// Takes back what waits for a printer that leaves its owner, and has it stop what it is at.
pub(crate) fn printer_left<'t>(
    tx: &'t Tx,
    hub: &'t Hub,
    printer: PrinterId,
    owner: AccountId,
    now: i64,
) -> BoxFuture<'t, Result<(), ApiError>> {
    Box::pin(async move {
        let over = JobState::ALL.into_iter().filter(|state| state.is_final()).map(JobState::as_str);
        let rows = job::Entity::find()
            .filter(job::Column::Printer.eq(printer.as_str()))
            .filter(job::Column::Owner.eq(owner.as_str()))
            .filter(job::Column::State.is_not_in(over))
            // Its reports come at the same time, and this is not repeated for their sake.
            .lock_exclusive()
            .all(tx)
            .await?;
        let cancelled = cancel_all(hub, tx, &rows, &Actor::System, now).await;
        cancelled.map_err(Fault::into_api)
    })
}

fn waiting() -> sea_orm::Condition {
    let states = [JobState::Sealing.as_str(), JobState::ReadyToPrint.as_str()];
    sea_orm::Condition::all().add(job::Column::State.is_in(states))
}

async fn cancel_all(hub: &Hub, tx: &Tx, rows: &[job::Model], actor: &Actor, now: i64) -> Result<()> {
    for row in rows {
        let event = JobEvent::Cancel { by: Party::Store };
        let cancel = Change { event, actor, more: job::ActiveModel::default(), hub: Some(hub), now };
        change(tx, row, cancel).await?;
    }
    Ok(())
}

async fn follow(tx: &Tx, row: &job::Model, effect: &Effect, hub: Option<&Hub>, now: i64) -> Result<()> {
    let printer = row.printer.clone();
    match effect {
        Effect::TellPrinter => {
            if let Some(hub) = hub.cloned() {
                wire::tell(tx, &hub, wire::Kind::Jobs, &printer).await?;
                tx.after_commit(move || hub.ring_jobs(&printer));
            }
        }
        Effect::AskToStop => {
            if let Some(hub) = hub.cloned() {
                wire::tell(tx, &hub, wire::Kind::Cancels, &printer).await?;
                tx.after_commit(move || hub.ring_cancels(&printer));
            }
        }
        Effect::DiscardKey if !row.seal_once => {
            vault::forget(tx, &row.id).await?;
            if let Some(blob) = &row.blob {
                pending::orphan(tx, blob, now).await?;
            }
        }
        // The key is wrapped by the claim itself, and sealing is rung by whoever makes the job.
        _ => {}
    }
    Ok(())
}
