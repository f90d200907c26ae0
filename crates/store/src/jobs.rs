//! The life of a job: the rules of `sealpost_market`, saved.

mod change;
pub(crate) mod claim;
pub(crate) mod create;
mod query;
pub(crate) mod report;
mod routes;
mod sealing;
mod sweep;
mod view;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) use change::{cancel_waiting, find, printer_left};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    routes::router()
}

/// Starts what goes on in the background until the store stops; takes up what an earlier run left unfinished.
pub(crate) fn start_workers(state: &AppState) {
    tokio::spawn(sealing::work(state.clone()));
    tokio::spawn(sweep::work(state.clone()));
}
