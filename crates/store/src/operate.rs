//! What runs a store, for its operators; and what everybody may know of it.

mod facts;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(facts::router())
}
