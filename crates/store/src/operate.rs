//! What runs a store, for its operators; and what everybody may know of it.

mod backup;
mod facts;
pub(crate) mod fees;
mod health;
mod invitations;
mod listings;
mod log;
pub(crate) mod office;
mod overview;
mod people;
mod query;
pub(crate) mod quotas;
mod reports;
pub(crate) mod settings;
pub(crate) mod suspensions;

use utoipa_axum::router::OpenApiRouter;

use crate::fault::Result;
use crate::limits;
use crate::state::AppState;

pub(crate) use settings::Settings;

const REASON_MAX: usize = 500;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(facts::router())
        .merge(settings::router())
        .merge(people::router())
        .merge(invitations::router())
        .merge(listings::router())
        .merge(suspensions::router())
        .merge(reports::router())
        .merge(overview::router())
        .merge(backup::router())
        .merge(log::router())
        .merge(health::router())
}

/// What somebody is told of a suspension.
fn reason(text: &str) -> Result<String> {
    let text = settings::plain("reason", text, REASON_MAX)?;
    if text.is_empty() {
        return Err(limits::invalid("reason", "whoever it concerns is told why: it has 1 to 500 characters"));
    }
    Ok(text)
}
