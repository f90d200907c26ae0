//! What printers say about their jobs.

use sea_orm::ActiveValue::Set;
use sealpost_accounts::Actor;
use sealpost_api::printer::Statistics;
use sealpost_database::Tx;
use sealpost_market::{self as market, JobEvent, JobState, ReportId, ReportStatus, Transition};

use super::change::{Change, change, find};
use crate::fault::{Fault, Result};
use crate::identity::AgentAuth;
use crate::schema::job;
use crate::schema::value::{stored, to_timestamp};
use crate::state::AppState;

/// A report in any of its three forms.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) id: Option<ReportId>,
    pub(crate) lease: Option<u64>,
    pub(crate) status: ReportStatus,
    pub(crate) message: Option<String>,
    pub(crate) progress_permille: Option<u32>,
    pub(crate) layer: Option<u32>,
    pub(crate) statistics: Statistics,
}

/// Accepts a report; the job's row as it was before, and what came of it.
pub(crate) async fn accept(
    state: &AppState,
    tx: &Tx,
    agent: &AgentAuth,
    job: &str,
    said: Said,
) -> Result<(job::Model, Transition)> {
    let now = state.clock.now_ms();
    let row = find(tx, job).await?;
    if row.printer != agent.id.as_str() {
        return Err(Fault::not_found("job"));
    }
    let more = measured(&said);
    let prints = row.started
        || matches!(said.status, ReportStatus::Starting | ReportStatus::Printing | ReportStatus::Paused);
    let lease_s = if prints { state.config.lease_printing_s } else { state.config.lease_processing_s };
    let event = JobEvent::Report(market::Report {
        id: said.id,
        printer: agent.id.clone(),
        lease: said.lease,
        status: said.status,
        message: said.message,
        lease_until: to_timestamp(now).plus_seconds(lease_s),
    });
    let actor = Actor::Printer(agent.id.to_string());
    let step = change(tx, &row, Change { event, actor: &actor, more, hub: Some(&state.hub), now }).await?;
    Ok((row, step))
}

fn measured(said: &Said) -> job::ActiveModel {
    let mut more = job::ActiveModel::default();
    if let Some(progress) = said.progress_permille {
        more.progress_permille = Set(stored(progress.min(1000)));
    }
    if said.status == ReportStatus::Success {
        more.progress_permille = Set(1000);
    }
    if let Some(layer) = said.layer {
        more.layer = Set(Some(stored(layer)));
    }
    let statistics = &said.statistics;
    if let Some(used) = statistics.filament_used.and_then(|used| rounded(used * 100.0)) {
        more.filament_used_mm_x100 = Set(Some(used));
    }
    if let Some(duration) = statistics.print_duration.and_then(rounded) {
        more.print_duration_s = Set(Some(duration));
    }
    if let Some(duration) = statistics.total_duration.and_then(rounded) {
        more.total_duration_s = Set(Some(duration));
    }
    more
}

/// A whole number for measurements that make sense.
fn rounded(value: f64) -> Option<i64> {
    let value = value.round();
    (0.0..1e15).contains(&value).then_some(value as i64)
}

/// Whether a job in this state still counts on its printer.
pub(crate) fn under_way(state: JobState) -> bool {
    state.is_running() || state == JobState::Interrupted
}
