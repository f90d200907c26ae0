//! What happened to a job, as the audit log has it: steps for people, without ids.

use sealpost_accounts::audit::{self, Entry};
use sealpost_api::job::{Step, Timeline};
use sealpost_database::clock::rfc3339;
use sealpost_market::{Fact, Party};

use crate::fault::Result;
use crate::schema::job;
use crate::state::AppState;

/// Steps shown at most; a print that is paused this often is none.
const MOST: u64 = 500;

/// The steps of a job.
pub(super) async fn of(state: &AppState, row: &job::Model) -> Result<Timeline> {
    let entries = audit::about(&state.db, &format!("job:{}", row.id), 0, MOST).await?;
    let mut steps = Vec::new();
    for entry in &entries {
        for fact in facts(entry) {
            if let Some((what, by)) = step(&fact) {
                let by = by.map_or_else(|| actor(&entry.actor, row), party).to_owned();
                steps.push(Step { at: rfc3339(entry.at), what: what.to_owned(), by });
            }
        }
    }
    Ok(Timeline { steps })
}

/// Facts of a later or earlier version are left out.
fn facts(entry: &Entry) -> impl Iterator<Item = Fact> {
    let facts = entry.details.get("facts").and_then(serde_json::Value::as_array).cloned();
    facts.unwrap_or_default().into_iter().filter_map(|fact| serde_json::from_value(fact).ok())
}

fn step(fact: &Fact) -> Option<(&'static str, Option<Party>)> {
    Some(match fact {
        Fact::JobCreated { .. } => ("created", None),
        Fact::JobSealed { .. } => ("sealed", None),
        Fact::JobBlobLost { .. } => ("sealed_anew", None),
        Fact::KeyReleased { .. } => ("key_released", None),
        // Ends are told once, by the fact of the end itself.
        Fact::JobReported { status, .. } if status.outcome().is_none() => (status.as_str(), None),
        Fact::StopAsked { by, .. } => ("stop_asked", Some(*by)),
        Fact::JobInterrupted { .. } => ("interrupted", None),
        Fact::JobDecided { by, .. } => ("decided", Some(*by)),
        Fact::JobEnded { state, .. } => (state.as_str(), None),
        _ => return None,
    })
}

fn actor(actor: &str, row: &job::Model) -> &'static str {
    match actor.split_once(':') {
        Some(("printer", _)) => "printer",
        Some(("user", id)) if id == row.owner => "buyer",
        Some(("user", id)) if id == row.publisher => "publisher",
        Some(("user", _)) => "operator",
        _ => "store",
    }
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Buyer => "buyer",
        Party::Publisher => "publisher",
        Party::Operator => "operator",
        Party::Store => "store",
    }
}
