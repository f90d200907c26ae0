//! All routes, put together.

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::http::layers;
use crate::identity;
use crate::state::AppState;

#[derive(OpenApi)]
#[openapi(info(
    title = "Sealpost store",
    description = "Sells files that only the buyer's device can open. Errors are RFC 9457 problems.",
    license(name = "MIT OR Apache-2.0")
))]
struct Description;

/// Every route with its description.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Description::openapi()).merge(identity::router())
}

pub(crate) fn router(state: AppState) -> Router {
    let max_json_bytes = state.config.max_json_bytes;
    let (router, _description) = routes().split_for_parts();
    layers::surround(router.with_state(state), max_json_bytes)
}
