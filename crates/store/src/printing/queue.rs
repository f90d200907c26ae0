//! What waits for a printer.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::ApiError;
use sealpost_api::printer::{ClaimedJob, JobOffer, Poll};
use sealpost_database::clock::rfc3339;
use sealpost_envelope::ContentCipher;
use sealpost_faults::point;
use sealpost_market::{JobState, Nonce};

use crate::fault::{Fault, Result};
use crate::identity::AgentAuth;
use crate::jobs::claim::{Answered, claim};
use crate::jobs::report::under_way;
use crate::jobs::{lost, may_be_offered, memory, sealed_soon};
use crate::schema::job;
use crate::schema::value::named;
use crate::state::AppState;
use crate::{jobs, points, random, vault};

/// Jobs shown to one printer at most.
const MOST: u64 = 100;

/// Jobs of a printer's owner that have not ended and are sealed, oldest first; those of an earlier owner only if their keys are out
/// and somebody wants them stopped.
pub(crate) async fn open(state: &AppState, printer: &str, owner: &str) -> Result<Vec<job::Model>> {
    let states = [
        JobState::ReadyToPrint.as_str(),
        JobState::Processing.as_str(),
        JobState::Printing.as_str(),
        JobState::Paused.as_str(),
        JobState::Interrupted.as_str(),
    ];
    let to_stop =
        Condition::all().add(job::Column::CancelRequested.eq(true)).add(job::Column::KeyReleased.eq(true));
    let select = job::Entity::find()
        .filter(job::Column::Printer.eq(printer))
        .filter(Condition::any().add(job::Column::Owner.eq(owner)).add(to_stop))
        .filter(Condition::all().add(job::Column::State.is_in(states)))
        .order_by_asc(job::Column::CreatedAt)
        .order_by_asc(job::Column::Id)
        .limit(MOST);
    Ok(select.all(state.db.read()).await?)
}

/// What a Sealpost agent is told: no keys.
pub(crate) async fn offers(state: &AppState, agent: &AgentAuth) -> Result<Poll> {
    memory::note(state, agent).await?;
    let rows = open(state, agent.id.as_str(), agent.owner.as_str()).await?;
    let rows = lost::whole(state, rows).await?;
    let mut poll = Poll { key_set_version: state.identity.keys().await?.version, ..Poll::default() };
    for row in &rows {
        let mut status: JobState = named(&row.state)?;
        if status == JobState::Interrupted && may_be_offered(row, agent, state.clock.now_ms()) {
            status = JobState::ReadyToPrint;
        }
        let waits = status == JobState::ReadyToPrint || (status == JobState::Processing && !row.started);
        if waits && agent.may_print(row) {
            poll.jobs.push(JobOffer {
                print_job_id: row.id.clone(),
                status,
                title: row.title.clone(),
                blob_size: row.blob_size.unsigned_abs(),
                created_at: rfc3339(row.created_at),
                lease: row.lease.unsigned_abs(),
            });
        }
        if row.cancel_requested && under_way(status) {
            poll.cancel_requested.push(row.id.clone());
        }
    }
    point(points::OFFERED);
    Ok(poll)
}

/// Claims the next job for an LMNT client, unless one is under way.
///
/// Such a client keeps a claimed job in memory and asks again while it works on it, so a job is handed out once; and it
/// says nothing about those that wait in its memory, so it gets the next one when the last one has ended.
pub(crate) async fn next_for_lmnt(state: &AppState, agent: &AgentAuth) -> Result<Option<ClaimedJob>> {
    let rows = open(state, agent.id.as_str(), agent.owner.as_str()).await?;
    if rows.iter().any(is_running) {
        return Ok(None);
    }
    let rows = lost::whole(state, rows).await?;
    let next = rows.iter().filter(|row| {
        row.state == JobState::ReadyToPrint.as_str()
            && row.cipher == ContentCipher::Aes256Cbc.as_str()
            && agent.may_print(row)
    });
    for row in next {
        match claim_for_lmnt(state, agent, &row.id).await {
            Ok(claimed) => return Ok(Some(claimed)),
            // The store lost something of it: that is no matter of the others.
            Err(Fault::Problem(problem)) if problem.status >= 500 => {}
            // Another poll of the same printer, or its owner, was faster.
            Err(Fault::Problem(_)) => return Ok(None),
            Err(fault) => return Err(fault),
        }
    }
    Ok(None)
}

/// Claims a job under a nonce of the store's own, if nobody claimed it before.
pub(crate) async fn claim_for_lmnt(state: &AppState, agent: &AgentAuth, job: &str) -> Result<ClaimedJob> {
    claim_job(state, agent, job, Nonce::generate(&random::bytes()?), Some(0)).await
}

/// Claims a job.
pub(crate) async fn claim_job(
    state: &AppState,
    agent: &AgentAuth,
    job: &str,
    nonce: Nonce,
    after: Option<u64>,
) -> Result<ClaimedJob, Fault> {
    lost::check_file(state, &jobs::find(state.db.read(), job).await?).await?;
    let keys = state.identity.keys().await.map_err(|error: ApiError| Fault::from(error))?;
    let shared = std::sync::Arc::new((state.clone(), agent.clone(), job.to_owned(), nonce, after, keys));
    let done: Result<Answered> = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, agent, job, nonce, after, keys) = &*shared;
                let claimed = claim(state, tx, agent, job, (nonce, *after), &keys.jobs.secret).await?;
                points::CLAIM.before()?;
                Ok(claimed)
            })
        })
        .await;
    match points::CLAIM.behind(done)? {
        Answered::Claimed(claimed) => Ok(*claimed),
        Answered::SealedAnew => {
            state.sealing.notify_one();
            Err(sealed_soon())
        }
        Answered::KeyMissing => Err(vault::missing()),
    }
}

fn is_running(row: &job::Model) -> bool {
    named::<JobState>(&row.state).is_ok_and(JobState::is_running)
}
