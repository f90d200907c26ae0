//! `/api/v1/licences`.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::purchase::{Licence, LicenceList};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::catalogue::find_listing;
use crate::fault::{Fault, Result};
use crate::http::body::Path;
use crate::schema::value::count;
use crate::schema::{licence, listing};
use crate::state::AppState;

/// Licences shown at most.
const MOST: u64 = 1000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// The row of a licence.
pub(crate) async fn find(db: &impl ConnectionTrait, id: &str) -> Result<licence::Model> {
    let row = licence::Entity::find_by_id(id).one(db).await?;
    row.ok_or_else(|| Fault::not_found("licence"))
}

pub(crate) fn to_api(row: &licence::Model, title: &str) -> Licence {
    Licence {
        id: row.id.clone(),
        listing: row.listing.clone(),
        title: title.to_owned(),
        purchase: row.purchase.clone(),
        state: row.state.clone(),
        prints_allowed: count(row.allowed),
        prints_used: count(row.used),
        prints_reserved: count(row.reserved),
    }
}

/// Your licences, newest first.
#[utoipa::path(get, path = "/api/v1/licences", tag = "buy", responses(
    (status = 200, body = LicenceList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(State(state): State<AppState>, user: UserAuth) -> Result<Json<LicenceList>> {
    let rows = licence::Entity::find()
        .filter(licence::Column::Holder.eq(user.id().as_str()))
        .order_by_desc(licence::Column::CreatedAt)
        .order_by_desc(licence::Column::Id)
        .limit(MOST)
        .all(state.db.read())
        .await?;
    let ids: Vec<_> = rows.iter().map(|row| row.listing.as_str()).collect();
    let titles: HashMap<String, String> = listing::Entity::find()
        .filter(listing::Column::Id.is_in(ids))
        .all(state.db.read())
        .await?
        .into_iter()
        .map(|row| (row.id, row.title))
        .collect();
    let licences =
        rows.iter().map(|row| to_api(row, titles.get(&row.listing).map_or("", String::as_str))).collect();
    Ok(Json(LicenceList { licences }))
}

/// One of your licences.
#[utoipa::path(get, path = "/api/v1/licences/{id}", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = Licence),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<Licence>> {
    let row = find(state.db.read(), &id).await?;
    if row.holder != user.id().as_str() && !user.0.operator {
        return Err(Fault::not_found("licence"));
    }
    let listing = find_listing(state.db.read(), &row.listing).await?;
    Ok(Json(to_api(&row, &listing.title)))
}
