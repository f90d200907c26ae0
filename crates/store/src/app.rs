//! All routes, put together.

use axum::{Router, middleware};
use sealpost_accounts::proxies::tell_client;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::http::govern::{Limits, govern};
use crate::http::layers;
use crate::state::AppState;
use crate::{
    catalogue, chain, description, identity, jobs, live, lmnt, operate, pages, plugins, printing, publish,
    purchases,
};

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
        .merge(crate::reviews::router())
        .merge(printing::router())
        .merge(live::router())
        .merge(lmnt::router())
        .merge(crate::checkout::router())
        .merge(crate::receipts::router())
        .merge(crate::sales::router())
        .merge(crate::sellers::router())
        .merge(crate::webhooks::router())
        .merge(crate::notices::router())
        .merge(crate::leaving::router())
        .merge(crate::renaming::router())
        .merge(operate::router())
}

pub(crate) fn router(state: AppState, shop: Option<Router>, front: bool) -> Router {
    let config = state.config.clone();
    let limits = Limits::new(state.clone());
    let (router, mut description) = routes().split_for_parts();
    description::complete(&mut description);
    let proxies = config.proxies();
    let router = router.merge(pages::router(description, shop.is_some(), front)).with_state(state);
    let router = router.merge(shop.unwrap_or_default());
    let router = router.layer((
        middleware::from_fn_with_state(proxies, tell_client),
        middleware::from_fn_with_state(limits, govern),
    ));
    layers::surround(router, &config)
}
