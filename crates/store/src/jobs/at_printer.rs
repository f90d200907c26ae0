//! What printers are at.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::job::Job;
use sealpost_market::JobState;

use super::view::shown;
use crate::fault::Result;
use crate::schema::job;

/// What one printer has to do for its owner.
#[derive(Debug, Default)]
pub(crate) struct AtPrinter {
    /// Under way, or nobody knows how it went.
    pub(crate) job: Option<Job>,
    /// Jobs that wait.
    pub(crate) waiting: u64,
}

/// What these printers have to do for this person.
pub(crate) async fn at_printers(
    db: &impl ConnectionTrait,
    user: &UserAuth,
    printers: &[String],
) -> Result<HashMap<String, AtPrinter>> {
    let mut all: HashMap<String, AtPrinter> = HashMap::new();
    if printers.is_empty() {
        return Ok(all);
    }
    let mine = || {
        job::Entity::find()
            .filter(job::Column::Owner.eq(user.id().as_str()))
            .filter(job::Column::Printer.is_in(printers))
    };
    let begun = [JobState::Interrupted, JobState::Processing, JobState::Printing, JobState::Paused];
    let rows = mine()
        .filter(job::Column::State.is_in(begun.map(JobState::as_str)))
        .order_by_asc(job::Column::UpdatedAt)
        .all(db)
        .await?;
    // What is under way stands before what was interrupted, the newest before the older.
    let rank = |row: &job::Model| (row.state != JobState::Interrupted.as_str(), row.updated_at);
    let mut newest: HashMap<&str, &job::Model> = HashMap::new();
    for row in &rows {
        let place = newest.entry(&row.printer).or_insert(row);
        if rank(row) > rank(place) {
            *place = row;
        }
    }
    for (printer, row) in newest {
        all.entry(printer.to_owned()).or_default().job = Some(shown(row, user)?);
    }
    let waits = [JobState::Sealing, JobState::ReadyToPrint].map(JobState::as_str);
    let counts: Vec<(String, i64)> = mine()
        .select_only()
        .column(job::Column::Printer)
        .column_as(job::Column::Id.count(), "jobs")
        .filter(job::Column::State.is_in(waits))
        .group_by(job::Column::Printer)
        .into_tuple()
        .all(db)
        .await?;
    for (printer, count) in counts {
        all.entry(printer).or_default().waiting = count.unsigned_abs();
    }
    Ok(all)
}
