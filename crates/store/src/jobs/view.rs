//! Jobs as people see them.

use sealpost_accounts::UserAuth;
use sealpost_api::job::{Job, JobRole};
use sealpost_database::clock::rfc3339;
use sealpost_market::JobState;

use super::reason;
use crate::fault::Result;
use crate::schema::job;
use crate::schema::value::{count, named};

/// Below this share of a print its own pace says nothing, thousandths.
const TELLING: u64 = 20;

/// The job as this person sees it, who may see it.
pub(crate) fn shown(row: &job::Model, user: &UserAuth) -> Result<Job> {
    let state: JobState = named(&row.state)?;
    let me = user.id().as_str();
    let (is_buyer, is_publisher, is_operator) = (row.owner == me, row.publisher == me, user.0.operator);
    let role = if is_buyer {
        JobRole::Buyer
    } else if is_publisher {
        JobRole::Publisher
    } else {
        JobRole::Operator
    };
    Ok(Job {
        id: row.id.clone(),
        state,
        title: row.title.clone(),
        listing: row.listing.clone(),
        release: row.release.clone(),
        licence: row.licence.clone(),
        printer: row.printer.clone(),
        printer_name: row.printer_name.clone(),
        message: row.message.clone(),
        progress_permille: count(row.progress_permille),
        layer: row.layer.map(count),
        filament_used_mm_x100: row.filament_used_mm_x100.map(i64::unsigned_abs),
        print_duration_s: row.print_duration_s.map(i64::unsigned_abs),
        created_at: rfc3339(row.created_at),
        updated_at: rfc3339(row.updated_at),
        layers: row.layers.map(count),
        estimated_s: row.estimated_s.map(i64::unsigned_abs),
        remaining_s: remaining(row, state),
        picture: row.pictured.then(|| format!("/api/v1/releases/{}/thumbnail", row.release)),
        reason: reason::of(state, row.message.as_deref(), row.key_released),
        role,
        may_cancel: !state.is_final() && !row.cancel_requested && (is_buyer || is_operator),
        may_resolve: state == JobState::Interrupted && (is_publisher || is_operator),
        cancel_requested: row.cancel_requested && !state.is_final(),
        free_retry: row.free_retry,
        expires_at: row.expires_at.filter(|_| waits(state)).map(rfc3339),
        started_at: row.started_at.map(rfc3339),
        ended_at: row.ended_at.map(rfc3339),
        revision: row.row_version.unsigned_abs(),
    })
}

fn waits(state: JobState) -> bool {
    matches!(state, JobState::Sealing | JobState::ReadyToPrint)
}

/// Seconds that the print still takes: what the slicer thought in the beginning, ever more what its pace says.
fn remaining(row: &job::Model, state: JobState) -> Option<u64> {
    if !matches!(state, JobState::Printing | JobState::Paused) {
        return None;
    }
    let done = u64::from(count(row.progress_permille)).min(1000);
    let left = 1000 - done;
    let thought = row.estimated_s.map(|whole| whole.unsigned_abs().saturating_mul(left) / 1000);
    let spent = row.print_duration_s.map(i64::unsigned_abs).filter(|_| done >= TELLING);
    let by_pace = spent.map(|spent| spent.saturating_mul(left) / done);
    match (thought, by_pace) {
        (Some(thought), Some(pace)) => {
            Some((thought.saturating_mul(left).saturating_add(pace.saturating_mul(done))) / 1000)
        }
        (one, other) => one.or(other),
    }
}
