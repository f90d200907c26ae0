//! Jobs of which the store lost the file or the key.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, Condition};
use sealpost_accounts::Actor;
use sealpost_api::Problem;
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change, find};
use crate::fault::{FILE_MISSING, Fault, Result};
use crate::schema::job;
use crate::state::AppState;
use crate::{blobs, vault};

/// Claimed jobs whose file or key is gone, to be sealed anew.
pub(super) fn unsealed() -> Condition {
    Condition::all()
        .add(job::Column::State.eq(JobState::Processing.as_str()))
        .add(job::Column::Lost.eq(true))
        .add(job::Column::Started.eq(false))
        .add(job::Column::Blob.is_null())
        .add(job::Column::SealOnce.eq(false))
}

/// Whether this job is one of those.
pub(crate) fn is_unsealed(row: &job::Model) -> bool {
    is_broken_off(row) && row.blob.is_none() && !row.seal_once
}

/// Whether the lease that its printer has is of no use, because what it is for is gone.
pub(crate) fn is_broken_off(row: &job::Model) -> bool {
    row.state == JobState::Processing.as_str() && row.lost && !row.started
}

/// What is answered to a printer whose file is gone: with another claim it gets another key.
pub(crate) fn claim_again() -> Fault {
    Problem::new(409, "claim_again", "The store has lost this file")
        .detail("The file that was sealed for this claim is gone. The job is sealed anew under another key, and nothing was counted.")
        .hint("Claim the job again, or report that it failed, which costs nothing, and send it anew.")
        .into()
}

/// Notes that the store has no file or key for a lease that it gave: whether it was the first time.
pub(crate) async fn note(state: &AppState, id: &str) -> Result<bool> {
    let (shared, id) = (state.clone(), id.to_owned());
    let done = state
        .db
        .write(move |tx| {
            let (state, id) = (shared.clone(), id.clone());
            Box::pin(async move {
                let row = find(tx, &id).await?;
                if row.lost || row.state != JobState::Processing.as_str() {
                    return Ok(false);
                }
                let (event, more) = (JobEvent::BlobLost, job::ActiveModel::default());
                let (now, actor) = (state.clock.now_ms(), Actor::System);
                change(tx, &row, Change { event, actor: &actor, more, hub: Some(&state.hub), now }).await?;
                Ok(true)
            })
        })
        .await;
    match done {
        // It started or ended meanwhile.
        Err(Fault::Problem(_)) => Ok(false),
        done => done,
    }
}

/// The jobs that are offered: what waits and cannot be given is sealed anew where that can be, and left out until then.
pub(crate) async fn whole(state: &AppState, rows: Vec<job::Model>) -> Result<Vec<job::Model>> {
    let waits = |row: &job::Model| row.state == JobState::ReadyToPrint.as_str();
    let holders: Vec<&str> = rows.iter().filter(|row| waits(row)).map(holder).collect();
    let held: HashSet<String> = vault::held(state.db.read(), &holders).await?;
    let mut whole = Vec::with_capacity(rows.len());
    for row in rows {
        if !waits(&row) || (held.contains(holder(&row)) && !is_file_gone(state, &row).await) {
            whole.push(row);
            continue;
        }
        tracing::error!(job = row.id, "the file or the key of a job is gone; it is not offered");
        if let Some(blob) = row.blob.as_ref().filter(|_| !row.seal_once) {
            blobs::seal_anew(state, &row.id, blob).await?;
        }
    }
    Ok(whole)
}

/// Looks for the file of a job that waits, before its key is given.
pub(crate) async fn check_file(state: &AppState, row: &job::Model) -> Result<()> {
    if row.state != JobState::ReadyToPrint.as_str() || !is_file_gone(state, row).await {
        return Ok(());
    }
    tracing::error!(job = row.id, "the file of a job is gone: its key is not given");
    match &row.blob {
        Some(blob) if !row.seal_once => {
            blobs::seal_anew(state, &row.id, blob).await?;
            Err(super::sealed_soon())
        }
        _ => Err(blobs::BlobError::Missing.into()),
    }
}

/// Whether this is the answer that a sealed file is gone.
pub(crate) fn is_file_missing(fault: &Fault) -> bool {
    matches!(fault, Fault::Problem(problem) if problem.code == FILE_MISSING)
}

fn holder(row: &job::Model) -> &str {
    if row.seal_once { &row.release } else { &row.id }
}

/// Storage that cannot be reached is another matter.
async fn is_file_gone(state: &AppState, row: &job::Model) -> bool {
    let Some(blob) = &row.blob else { return false };
    blobs::is_gone(state, blob).await.unwrap_or(false)
}
