//! `GET /api/v1/events`.

use axum::extract::State;
use axum::response::sse::Sse;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::stream;
use crate::fault::{Fault, Result};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Listen to what changes for you: `hello` first, and whenever everything is to be read anew; then `job` with the job as
/// `GET /api/v1/jobs/{id}` gives it (yours, and those of what you publish), `printer` with its `id`, `sale` with `purchase` and
/// `listing`, `notice` with its `kind`, and `ping` in between. The stream ends with your sign-in.
#[utoipa::path(get, path = "/api/v1/events", tag = "live", responses(
    (status = 200, content_type = "text/event-stream", description = "Server-sent events"),
    (status = 401, body = Problem, description = "`sign_in_required`, `session_ended`"),
    (status = 429, body = Problem, description = "`too_many_streams`"),
))]
async fn events(State(state): State<AppState>, user: UserAuth) -> Result<Response> {
    let seat = state.live.listen(user.id().as_str()).ok_or_else(too_many)?;
    let sse = Sse::new(stream::listen(state, user, seat));
    let unbuffered = [("x-accel-buffering", HeaderValue::from_static("no"))];
    Ok((unbuffered, [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))], sse).into_response())
}

fn too_many() -> Fault {
    Problem::new(429, "too_many_streams", "Too many pages listen")
        .detail("This account listens in too many places at the same time.")
        .hint("Close some pages of the shop, and try again.")
        .into()
}
