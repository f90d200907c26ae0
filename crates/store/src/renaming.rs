//! `/api/v1/me/username`: somebody's name, and where the store wrote it down beside what they sell and said.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sealpost_accounts::{UserAuth, rename};
use sealpost_api::Problem;
use sealpost_api::ways::ChangeName;
use sealpost_database::Tx;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::catalogue::save_listing;
use crate::fault::{Fault, Result};
use crate::http::body::Body;
use crate::schema::{listing, review};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(change))
}

/// Take another name that others see. It stands at once at your listings and at the reviews that you wrote; receipts keep the name of
/// their day.
#[utoipa::path(post, path = "/api/v1/me/username", tag = "accounts", request_body = ChangeName, responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 409, body = Problem, description = "`username_taken`"),
    (status = 422, body = Problem, description = "`bad_username`"),
))]
async fn change(
    State(state): State<AppState>,
    user: UserAuth,
    Body(wanted): Body<ChangeName>,
) -> Result<StatusCode> {
    let shared = Arc::new((state.clone(), user, wanted));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, wanted) = &*shared;
                let name = rename(tx, &user.0, &wanted.username, state.clock.now_ms()).await?;
                write(state, tx, user.id().as_str(), &name).await
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn write(state: &AppState, tx: &Tx, account: &str, name: &str) -> Result<()> {
    let theirs = listing::Entity::find()
        .filter(listing::Column::Publisher.eq(account))
        .filter(listing::Column::PublisherName.ne(name))
        .order_by_asc(listing::Column::Id);
    for mut row in theirs.all(tx).await? {
        name.clone_into(&mut row.publisher_name);
        save_listing(state, tx, row).await?;
    }
    review::Entity::update_many()
        .col_expr(review::Column::AuthorName, Expr::value(name))
        .filter(review::Column::Author.eq(account))
        .exec(tx)
        .await?;
    Ok::<_, Fault>(())
}
