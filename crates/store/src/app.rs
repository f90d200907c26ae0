//! All routes, put together.

use axum::{Router, middleware};
use sealpost_accounts::proxies::{TrustedProxies, tell_client};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::http::layers;
use crate::state::AppState;
use crate::{catalogue, chain, identity, jobs, lmnt, pages, plugins, printing, publish, purchases};

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
        .merge(plugins::router())
        .merge(chain::router())
        .merge(jobs::router())
        .merge(printing::router())
        .merge(lmnt::router())
}

pub(crate) fn router(state: AppState, shop: Option<Router>) -> Router {
    let max_json_bytes = state.config.max_json_bytes;
    let (router, description) = routes().split_for_parts();
    // Checked when the store was opened.
    let proxies = TrustedProxies::parse(&state.config.trusted_proxies).unwrap_or_default();
    let router = router.merge(pages::router(description, shop.is_some())).with_state(state);
    let router = router.merge(shop.unwrap_or_default());
    let router = router.layer(middleware::from_fn_with_state(proxies, tell_client));
    layers::surround(router, max_json_bytes)
}
