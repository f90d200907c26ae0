//! Reviews of listings: by those who bought and used what they review.

mod books;
mod routes;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) use books::payment_changed;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    routes::router()
}
