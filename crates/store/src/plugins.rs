//! Plugins for those who bought them: devices, envelopes, bundles and sealed blobs.

pub(crate) mod blob;
mod bundle;
mod devices;
pub(crate) mod give;
mod marketplace;
mod on_chain;
mod query;
pub(crate) mod recipient;
pub(crate) mod stranger;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) use devices::{of_licences as devices_of, to_api as device_to_api};
pub(crate) use stranger::Strangers;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(devices::router())
        .merge(bundle::router())
        .merge(blob::router())
        .merge(marketplace::router())
}
