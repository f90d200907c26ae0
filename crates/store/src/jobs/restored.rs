//! Jobs in a store that was made of a backup.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use sealpost_accounts::Actor;
use sealpost_database::Tx;
use sealpost_envelope::ContentCipher;
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change};
use crate::fault::Result;
use crate::schema::job;

/// Held jobs without a blob, for printers that can say what became of them: LMNT's cannot.
pub(super) fn held_unsealed() -> Condition {
    Condition::all()
        .add(job::Column::State.eq(JobState::Interrupted.as_str()))
        .add(job::Column::KeyReleased.eq(false))
        .add(job::Column::Blob.is_null())
        .add(job::Column::SealOnce.eq(false))
        .add(job::Column::Cipher.eq(ContentCipher::Age.as_str()))
}

/// Whether an agent that never started this job may claim it, which says that it never did.
pub(crate) fn may_be_claimed(row: &job::Model, now: i64) -> bool {
    row.state == JobState::Interrupted.as_str()
        && !row.key_released
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
        let mut more = job::ActiveModel::default();
        if !row.seal_once {
            more.blob = Set(None);
        }
        let event = JobEvent::StoreRestored;
        change(tx, row, Change { event, actor: &Actor::System, more, hub: None, now }).await?;
    }
    Ok(rows.len() as u64)
}
