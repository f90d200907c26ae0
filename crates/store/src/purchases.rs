//! Purchases and licences.

pub(crate) mod buy;
pub(crate) mod change;
mod licences;
mod off;
pub(crate) mod on_chain;
pub(crate) mod payments;
mod query;
mod routes;
mod shown;
mod tell;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) use licences::{find as find_licence, to_api as licence_to_api};
pub(crate) use routes::visible;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(routes::router()).merge(licences::router()).merge(off::router())
}
