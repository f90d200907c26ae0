//! What sellers say of themselves: how they are paid directly and reached, and who they are.

use axum::Json;
use axum::extract::State;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::selling::{Publisher, SellerPage};
use sealpost_database::Tx;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path};
use crate::limits;
use crate::schema::{listing, seller_page};
use crate::state::AppState;

const WORDS_MAX: usize = 1_000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(mine, write)).routes(routes!(show))
}

/// What you say as a seller.
#[utoipa::path(get, path = "/api/v1/me/seller", tag = "sell", responses(
    (status = 200, body = SellerPage),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn mine(State(state): State<AppState>, user: UserAuth) -> Result<Json<SellerPage>> {
    let row = of(state.db.read(), user.id().as_str()).await?;
    Ok(Json(row.map(to_api).unwrap_or_default()))
}

/// Say how buyers pay and reach you, and who you are. What is absent is emptied.
#[utoipa::path(put, path = "/api/v1/me/seller", tag = "sell", request_body = SellerPage, responses(
    (status = 200, body = SellerPage),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn write(
    State(state): State<AppState>,
    user: UserAuth,
    Body(page): Body<SellerPage>,
) -> Result<Json<SellerPage>> {
    let row = seller_page::Model {
        account: user.id().to_string(),
        how_to_pay: limits::words("how_to_pay", &page.how_to_pay, WORDS_MAX)?,
        about: limits::words("about", &page.about, WORDS_MAX)?,
        changed_at: state.clock.now_ms(),
    };
    let (saved, actor) = (row.clone(), user.actor());
    state
        .db
        .write(move |tx| {
            let (row, actor) = (row.clone(), actor.clone());
            Box::pin(async move {
                // The log outlives accounts, so it does not say what was written.
                let says = |text: &str| !text.is_empty();
                let details = json!({"how_to_pay": says(&row.how_to_pay), "about": says(&row.about)});
                let subject = format!("account:{}", row.account);
                audit::record_later(tx, row.changed_at, &actor, "seller_page.changed", &subject, &details);
                let replace = OnConflict::column(seller_page::Column::Account)
                    .update_columns([
                        seller_page::Column::HowToPay,
                        seller_page::Column::About,
                        seller_page::Column::ChangedAt,
                    ])
                    .to_owned();
                seller_page::Entity::insert(row.into_active_model())
                    .on_conflict(replace)
                    .exec_without_returning(tx)
                    .await?;
                Ok::<_, Fault>(())
            })
        })
        .await?;
    Ok(Json(to_api(saved)))
}

/// Somebody whose listings are shown, and what they say of themselves.
#[utoipa::path(get, path = "/api/v1/publishers/{id}", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = Publisher),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Publisher>> {
    let db = state.db.read();
    let shown = listing::Entity::find()
        .filter(listing::Column::Publisher.eq(&id))
        .filter(listing::Column::State.eq("listed"))
        .one(db)
        .await?;
    // Nobody finds out by this who has an account.
    let shown = shown.ok_or_else(|| Fault::not_found("publisher"))?;
    let about = of(db, &id).await?.map(|row| row.about).unwrap_or_default();
    Ok(Json(Publisher { id, name: shown.publisher_name, about }))
}

/// What somebody says, if anything.
pub(crate) async fn of(db: &impl ConnectionTrait, account: &str) -> Result<Option<seller_page::Model>> {
    Ok(seller_page::Entity::find_by_id(account).one(db).await?)
}

/// How somebody is paid and reached, if they say so.
pub(crate) async fn how_to_pay(db: &impl ConnectionTrait, account: &str) -> Result<Option<String>> {
    Ok(of(db, account).await?.map(|row| row.how_to_pay).filter(|text| !text.is_empty()))
}

/// Of somebody who leaves.
pub(crate) async fn forget(tx: &Tx, account: &str) -> Result<()> {
    seller_page::Entity::delete_by_id(account).exec(tx).await?;
    Ok(())
}

fn to_api(row: seller_page::Model) -> SellerPage {
    SellerPage { how_to_pay: row.how_to_pay, about: row.about }
}
