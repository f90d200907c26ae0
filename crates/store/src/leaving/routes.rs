//! `/api/v1/me/{leaving,delete,export}`.

use axum::Json;
use axum::extract::State;
use http::{HeaderName, HeaderValue, StatusCode, header};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::mail::Leaving;
use sealpost_api::ways::Proof;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{costs, end, export};
use crate::fault::Result;
use crate::http::body::Body;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(leaving)).routes(routes!(delete)).routes(routes!(take_along))
}

/// What deleting your account costs, and what hinders it.
#[utoipa::path(get, path = "/api/v1/me/leaving", tag = "accounts", responses(
    (status = 200, body = Leaving),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn leaving(State(state): State<AppState>, user: UserAuth) -> Result<Json<Leaving>> {
    costs(&state, &user).await.map(Json)
}

/// Delete your account. Personal data is erased; purchases, receipts and the audit log keep its id.
#[utoipa::path(post, path = "/api/v1/me/delete", tag = "accounts", request_body = Proof, responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`proof_required`, `wrong_credentials`, `passkey_refused`"),
    (status = 409, body = Problem, description = "`jobs_printing`, `last_operator`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn delete(
    State(state): State<AppState>,
    user: UserAuth,
    Body(proof): Body<Proof>,
) -> Result<StatusCode> {
    state.accounts.prove(&user.0, proof).await?;
    end::end(&state, user.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything the store knows of you, as JSON.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "accounts", responses(
    (status = 200, body = Object),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn take_along(
    State(state): State<AppState>,
    user: UserAuth,
) -> Result<([(HeaderName, HeaderValue); 2], Json<Value>)> {
    let headers = [
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"sealpost-account.json\""),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Json(export::of(&state, &user).await?)))
}
