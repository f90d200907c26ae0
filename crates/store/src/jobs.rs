//! The life of a job: the rules of `sealpost_market`, saved.

mod at_printer;
mod change;
pub(crate) mod claim;
pub(crate) mod create;
pub(crate) mod lost;
pub(crate) mod memory;
mod query;
mod reason;
pub(crate) mod report;
mod restored;
mod routes;
mod sealing;
mod sweep;
mod timeline;
mod turn;
mod view;

use tokio::task::AbortHandle;
use utoipa_axum::router::OpenApiRouter;

use crate::blobs;
use crate::chain::{archive, watch};
use crate::hub::wire;
use crate::live::wire as live;
use crate::notices;
use crate::state::AppState;
use crate::webhooks;

pub(crate) use at_printer::{AtPrinter, at_printers};
pub(crate) use change::{Change, cancel_waiting, change, find, printer_left};
pub(crate) use restored::{hold_all, is_to_be_sealed, may_be_offered, sealed_soon};
#[cfg(test)]
pub(crate) use sealing::seal;
#[cfg(test)]
pub(crate) use turn::{Turn, give_back};
pub(crate) use view::shown;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    routes::router()
}

/// What goes on in the background; stopped when dropped. What it was doing is taken up by the next run.
#[derive(Debug)]
pub(crate) struct Workers([AbortHandle; 9]);

/// Starts what goes on in the background; takes up what an earlier run left unfinished.
pub(crate) fn start_workers(state: &AppState) -> Workers {
    Workers([
        tokio::spawn(sealing::work(state.clone())).abort_handle(),
        tokio::spawn(sweep::work(state.clone())).abort_handle(),
        tokio::spawn(blobs::audit(state.clone())).abort_handle(),
        tokio::spawn(wire::hear(state.clone())).abort_handle(),
        tokio::spawn(live::say(state.clone())).abort_handle(),
        tokio::spawn(watch::work(state.clone())).abort_handle(),
        tokio::spawn(archive::work(state.clone())).abort_handle(),
        tokio::spawn(webhooks::work(state.clone())).abort_handle(),
        tokio::spawn(notices::work(state.clone())).abort_handle(),
    ])
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}
