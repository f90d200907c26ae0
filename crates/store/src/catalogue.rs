//! Listings and releases as people see them, and vouchers.

pub(crate) mod cache;
mod listings;
mod offer;
mod query;
mod releases;
pub(crate) mod vouchers;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) use listings::{find as find_listing, owned as owned_listing, save as save_listing};
pub(crate) use releases::to_api as release_to_api;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(listings::router()).merge(releases::router()).merge(vouchers::router())
}
