//! Listings and releases as people see them, and vouchers.

mod browse;
pub(crate) mod cache;
mod discard;
mod facets;
mod listings;
mod mine;
mod offer;
pub(crate) mod pictures;
mod query;
mod releases;
mod remake;
pub(crate) mod shelf;
mod thumbnails;
pub(crate) mod vouchers;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) use listings::{check_shown, find as find_listing, owned as owned_listing, save as save_listing};
pub(crate) use releases::{of as releases_of, to_api as release_to_api};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(listings::router())
        .merge(facets::router())
        .merge(pictures::router())
        .merge(releases::router())
        .merge(thumbnails::router())
        .merge(vouchers::router())
        .merge(mine::router())
        .merge(discard::router())
}
