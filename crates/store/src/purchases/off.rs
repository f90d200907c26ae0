//! Orders that come to nothing because a person says so: the buyer cancels, the seller declines.

use axum::extract::State;
use http::HeaderMap;
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::purchase::{Decline, PurchaseResponse};
use sealpost_market::{Party, PurchaseEvent};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::routes::change_once;
use crate::fault::Result;
use crate::http::body::{Body, Path};
use crate::http::once::{Answer, Once};
use crate::limits;
use crate::schema::purchase;
use crate::state::AppState;

const ANSWER_MAX: usize = 500;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(cancel)).routes(routes!(decline))
}

/// Call an order of yours off before it is paid. A payment that a provider tells of later counts all the same: the money moved.
#[utoipa::path(post, path = "/api/v1/purchases/{id}/cancel", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = PurchaseResponse),
    (status = 403, body = Problem, description = "`not_allowed`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`purchase_state`, `paid_on_chain`"),
))]
async fn cancel(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "purchases/cancel", &id)?;
    let me = user.id().to_string();
    // Operators buy, too.
    let party = move |row: &purchase::Model, by| if row.buyer == me { Party::Buyer } else { by };
    change_once(&state, request, user, id, move |row, by| Ok(PurchaseEvent::Cancel { by: party(row, by) }))
        .await
}

/// Do not take an order of a listing of yours. Its buyer reads the answer.
#[utoipa::path(post, path = "/api/v1/purchases/{id}/decline", tag = "sell", params(("id" = String, Path)),
    request_body = Decline, responses(
    (status = 200, body = PurchaseResponse),
    (status = 403, body = Problem, description = "`not_allowed`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`purchase_state`, `paid_on_chain`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn decline(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
    Body(said): Body<Decline>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "purchases/decline", &(&id, &said))?;
    let answer = limits::words("answer", said.answer.as_deref().unwrap_or_default(), ANSWER_MAX)?;
    let answer = Some(answer).filter(|text| !text.is_empty());
    change_once(&state, request, user, id, move |row, by| {
        // What was said first stands.
        if row.state == "pending" {
            row.answer = answer.clone();
        }
        Ok(PurchaseEvent::Decline { by })
    })
    .await
}
