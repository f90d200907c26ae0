//! What printers' agents call: poll, events, claim, download, report.

mod download;
mod events;
mod poll;
mod query;
mod queue;
mod reports;
mod shapes;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(poll::router())
        .merge(events::router())
        .merge(download::router())
        .merge(reports::router())
}
