//! Jobs in a store that was made of a backup.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use sealpost_accounts::Actor;
use sealpost_api::Problem;
use sealpost_database::Tx;
use sealpost_envelope::ContentCipher;
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change};
use crate::fault::{Fault, Result};
use crate::identity::{AgentAuth, Protocol};
use crate::schema::{job, printer_memory};

/// Jobs of the time before the restore that their printers may still claim, without the blob that was in no backup.
pub(super) fn unsealed() -> Condition {
    Condition::all()
        .add(job::Column::State.is_in([JobState::Interrupted.as_str(), JobState::Processing.as_str()]))
        .add(job::Column::Restored.eq(true))
        .add(job::Column::Started.eq(false))
        .add(job::Column::CancelRequested.eq(false))
        .add(job::Column::HeldFor.is_not_null())
        .add(job::Column::Blob.is_null())
        .add(job::Column::SealOnce.eq(false))
        .add(job::Column::Cipher.eq(ContentCipher::Age.as_str()))
}

/// Whether this job is one of those.
pub(crate) fn is_to_be_sealed(row: &job::Model) -> bool {
    is_open(row)
        && !row.cancel_requested
        && row.held_for.is_some()
        && row.blob.is_none()
        && !row.seal_once
        && row.cipher == ContentCipher::Age.as_str()
}

/// What is answered about it until it is sealed: come again.
pub(crate) fn sealed_soon() -> Fault {
    Problem::new(503, "sealing_anew", "The file is being sealed anew")
        .detail("The store was restored, or lost this job's file or its key, and seals the file again.")
        .hint("Try again in a few seconds.")
        .into()
}

/// Whether this agent may claim it, as far as the restore goes: it remembers what the one of the backup remembered, so that its claim
/// says that it never started it.
pub(super) fn is_remembered(row: &job::Model, agent: &AgentAuth) -> bool {
    agent.protocol == Protocol::Sealpost && row.held_for.is_some() && row.held_for == agent.memory
}

/// Whether the store was restored before it started, and nobody settled it since.
pub(super) fn is_open(row: &job::Model) -> bool {
    let open = [JobState::Interrupted.as_str(), JobState::Processing.as_str()];
    row.restored && !row.started && open.contains(&row.state.as_str())
}

/// Whether an interrupted job is listed for this agent to claim.
pub(crate) fn may_be_offered(row: &job::Model, agent: &AgentAuth, now: i64) -> bool {
    is_open(row)
        && is_remembered(row, agent)
        && !row.cancel_requested
        && (row.blob.is_some() || row.seal_once)
        && row.expires_at.is_none_or(|end| now < end)
}

/// Holds whatever has not ended: how many jobs that are.
pub(crate) async fn hold_all(tx: &Tx, now: i64) -> Result<u64> {
    let over = JobState::ALL.into_iter().filter(|state| state.is_final()).map(JobState::as_str);
    let rows = job::Entity::find().filter(job::Column::State.is_not_in(over)).all(tx).await?;
    for row in &rows {
        // Blobs of single jobs are in no backup.
        let mut more = if row.seal_once { job::ActiveModel::default() } else { job::Model::without_blob() };
        if !row.restored {
            let memory = printer_memory::Entity::find_by_id(&row.printer).one(tx).await?;
            more.held_for = Set(memory.map(|memory| memory.document));
        }
        let event = JobEvent::StoreRestored;
        change(tx, row, Change { event, actor: &Actor::System, more, hub: None, now }).await?;
    }
    Ok(rows.len() as u64)
}
