//! Orders that come to nothing because a person says so: the buyer cancels, the seller declines.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::purchase::{Decline, PurchaseResponse};
use sealpost_database::Tx;
use sealpost_market::{Party, PurchaseEvent};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::routes::{apply, change_once, visible};
use crate::fault::Result;
use crate::http::body::{Body, Path};
use crate::http::once::{Answer, Once, once};
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
    let shared = Arc::new((state.clone(), user, id, answer));
    once(&state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id, answer) = &*shared;
            turn_down(state, tx, user, id, answer.as_deref()).await
        })
    })
    .await
}

async fn turn_down(
    state: &AppState,
    tx: &Tx,
    user: &UserAuth,
    id: &str,
    answer: Option<&str>,
) -> Result<PurchaseResponse> {
    let (mut row, listing, by) = visible(tx, id, user).await?;
    // What was said first stands.
    if row.state == "pending" {
        row.answer = answer.map(str::to_owned);
    }
    let done = apply(state, tx, user, &row, &listing, PurchaseEvent::Decline { by }).await?;
    let said = purchase::ActiveModel { answer: Set(row.answer), ..Default::default() };
    purchase::Entity::update_many().set(said).filter(purchase::Column::Id.eq(id)).exec(tx).await?;
    Ok(done)
}
