//! All routes, put together.

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::http::layers;
use crate::state::AppState;
use crate::{catalogue, identity, jobs, lmnt, pages, printing, publish, purchases};

#[derive(OpenApi)]
#[openapi(info(
    title = "Sealpost store",
    description = "Sells files that only the buyer's device can open. Errors are RFC 9457 problems.",
    license(name = "MIT OR Apache-2.0")
))]
struct Description;

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(sealpost_accounts::router())
        .merge(identity::router())
        .merge(catalogue::router())
        .merge(publish::router())
        .merge(purchases::router())
        .merge(jobs::router())
        .merge(printing::router())
        .merge(lmnt::router())
}

pub(crate) fn router(state: AppState) -> Router {
    let max_json_bytes = state.config.max_json_bytes;
    let (router, description) = routes().split_for_parts();
    let router = router.merge(pages::router(description));
    layers::surround(router.with_state(state), max_json_bytes)
}
