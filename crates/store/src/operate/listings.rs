//! `/api/v1/operator/listings`: all listings, in whatever state.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::OperatorAuth;
use sealpost_api::Problem;
use sealpost_api::operate::{OperatorListing, OperatorListingPage};
use sealpost_database::clock::rfc3339;
use sealpost_market::ListingState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::ListingsQuery;
use super::suspensions;
use crate::catalogue::shelf;
use crate::fault::{Fault, Result};
use crate::http::body::Query;
use crate::http::page::PageQuery;
use crate::schema::value::named;
use crate::schema::{listing, listing_report, purchase};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// All listings, the newest first.
#[utoipa::path(get, path = "/api/v1/operator/listings", tag = "operate", params(ListingsQuery), responses(
    (status = 200, body = OperatorListingPage),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn list(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Query(query): Query<ListingsQuery>,
) -> Result<Json<OperatorListingPage>> {
    let db = state.db.read();
    let page = PageQuery { after: query.after, limit: query.limit };
    let mut select = listing::Entity::find()
        .filter(page.condition(listing::Column::CreatedAt, listing::Column::Id)?)
        .order_by_desc(listing::Column::CreatedAt)
        .order_by_desc(listing::Column::Id)
        .limit(page.limit() + 1);
    if let Some(wanted) = query.state.as_deref().filter(|state| !state.is_empty()) {
        let wanted: ListingState = named(wanted).map_err(|_| {
            Fault::invalid("`state` is not draft, listed, unlisted or suspended.", "Send one of these words.")
        })?;
        select = select.filter(listing::Column::State.eq(wanted.as_str()));
    }
    if let Some(publisher) = query.publisher.filter(|id| !id.is_empty()) {
        select = select.filter(listing::Column::Publisher.eq(publisher));
    }
    if let Some(text) = query.q.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        select = select.filter(holds(text));
    }
    let mut rows = select.all(db).await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let reports: HashMap<String, i64> = listing_report::Entity::find()
        .select_only()
        .column(listing_report::Column::Listing)
        .column_as(listing_report::Column::Id.count(), "count")
        .filter(listing_report::Column::Listing.is_in(ids.iter().copied()))
        .filter(listing_report::Column::State.eq(super::reports::OPEN))
        .group_by(listing_report::Column::Listing)
        .into_tuple::<(String, i64)>()
        .all(db)
        .await?
        .into_iter()
        .collect();
    let sold: HashMap<String, i64> = purchase::Entity::find()
        .select_only()
        .column(purchase::Column::Listing)
        .column_as(purchase::Column::Id.count(), "count")
        .filter(purchase::Column::Listing.is_in(ids.iter().copied()))
        .filter(purchase::Column::State.eq("paid"))
        .group_by(purchase::Column::Listing)
        .into_tuple::<(String, i64)>()
        .all(db)
        .await?
        .into_iter()
        .collect();
    let mut why: HashMap<String, _> =
        suspensions::of_all(db, &rows).await?.into_iter().map(|row| (row.listing.clone(), row)).collect();
    let count =
        |counts: &HashMap<String, i64>, id: &str| counts.get(id).map_or(0, |count| count.unsigned_abs());
    let listings = rows.into_iter().map(|row| OperatorListing {
        sold: count(&sold, &row.id),
        open_reports: count(&reports, &row.id),
        suspension: why.remove(&row.id).map(suspensions::to_api),
        id: row.id,
        title: row.title,
        kind: row.kind,
        state: row.state,
        publisher: row.publisher,
        publisher_name: row.publisher_name,
        created_at: rfc3339(row.created_at),
    });
    Ok(Json(OperatorListingPage { listings: listings.collect(), next }))
}

/// As the catalogue is searched: without regard to case and accents.
fn holds(text: &str) -> Condition {
    Condition::any()
        .add_option(shelf::holds_all(text))
        .add(listing::Column::Id.eq(text))
        .add(listing::Column::Publisher.eq(text))
        .add(listing::Column::PluginId.eq(text))
}
