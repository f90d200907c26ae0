//! `/api/v1/invitations`.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealpost_accounts::OperatorAuth;
use sealpost_api::Problem;
use sealpost_api::operate::{Invitation, InvitationList, MadeInvitation, NewInvitation};
use sealpost_database::clock::rfc3339;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::settings::plain;
use crate::fault::Result;
use crate::http::body::{Body, Path};
use crate::state::AppState;

const NOTE_MAX: usize = 200;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(take_back))
}

/// Who was asked in, and who came.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "operate", responses(
    (status = 200, body = InvitationList),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn list(State(state): State<AppState>, _operator: OperatorAuth) -> Result<Json<InvitationList>> {
    let invitations = state.accounts.invitations().await?;
    Ok(Json(InvitationList { invitations: invitations.into_iter().map(shown).collect() }))
}

/// Ask one person in: a link that lets whoever opens it first sign up, for fourteen days.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "operate", request_body = NewInvitation, responses(
    (status = 201, body = MadeInvitation),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn make(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Body(new): Body<NewInvitation>,
) -> Result<(StatusCode, Json<MadeInvitation>)> {
    let note = plain("note", &new.note, NOTE_MAX)?;
    let (code, invitation) = state.accounts.invite(&operator.0.0, note).await?;
    // Behind the #: it gets into no log on the way.
    let link = format!("{}/shop/sign-in#invitation={}", state.origin, code.expose());
    Ok((StatusCode::CREATED, Json(MadeInvitation { link, invitation: shown(invitation) })))
}

/// Take back an invitation that nobody used.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "operate", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn take_back(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    state.accounts.uninvite(&operator.0.0, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: sealpost_accounts::Invitation) -> Invitation {
    Invitation {
        id: row.id,
        note: row.note,
        created_at: rfc3339(row.created_at),
        expires_at: rfc3339(row.expires_at),
        used_at: row.used_at.map(rfc3339),
        username: row.username,
    }
}
