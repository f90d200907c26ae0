//! `/api/v1/me/listings`: what somebody offers, drafts too, and how often it was sold.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::catalogue::Listing;
use sealpost_api::selling::{OwnListing, OwnListingPage};
use sealpost_market::PurchaseState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{listings, pictures, releases};
use crate::fault::Result;
use crate::http::body::Query;
use crate::http::page::PageQuery;
use crate::schema::value::name;
use crate::schema::{listing, purchase, release, voucher};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Your own listings, newest first: drafts and suspended ones too.
#[utoipa::path(get, path = "/api/v1/me/listings", tag = "publish", params(PageQuery), responses(
    (status = 200, body = OwnListingPage),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(page): Query<PageQuery>,
) -> Result<Json<OwnListingPage>> {
    let db = state.db.read();
    let mut rows = listing::Entity::find()
        .filter(listing::Column::Publisher.eq(user.id().as_str()))
        .filter(page.condition(listing::Column::CreatedAt, listing::Column::Id)?)
        .order_by_desc(listing::Column::CreatedAt)
        .order_by_desc(listing::Column::Id)
        .limit(page.limit() + 1)
        .all(db)
        .await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    let mut versions: HashMap<String, Vec<release::Model>> = HashMap::new();
    for row in releases::of(db, &ids).await? {
        versions.entry(row.listing.clone()).or_default().push(row);
    }
    let mut pictures = pictures::of(db, &ids).await?;
    let sold = counted(db, &ids, PurchaseState::Paid).await?;
    let waiting = counted(db, &ids, PurchaseState::Pending).await?;
    let vouchers = usable(db, &ids, state.clock.now_ms()).await?;
    let listings = rows.iter().map(|row| {
        let versions = versions.remove(&row.id).unwrap_or_default();
        let releases = versions.iter().map(releases::in_short).collect::<Result<_>>()?;
        let count = |of: &HashMap<String, i64>| of.get(&row.id).map_or(0, |count| count.unsigned_abs());
        Ok(OwnListing {
            listing: Listing {
                releases,
                pictures: pictures.remove(&row.id).unwrap_or_default(),
                ..listings::to_api(&state, row, Vec::new())?
            },
            sales: count(&sold),
            waiting: count(&waiting),
            vouchers: count(&vouchers),
        })
    });
    Ok(Json(OwnListingPage { listings: listings.collect::<Result<_>>()?, next }))
}

/// Purchases in this state, by listing.
pub(super) async fn counted(
    db: &impl sea_orm::ConnectionTrait,
    ids: &[String],
    state: PurchaseState,
) -> Result<HashMap<String, i64>> {
    let select = purchase::Entity::find()
        .select_only()
        .column(purchase::Column::Listing)
        .column_as(purchase::Column::Id.count(), "count")
        .filter(purchase::Column::Listing.is_in(ids))
        .filter(purchase::Column::State.eq(name(&state)?))
        .group_by(purchase::Column::Listing)
        .into_tuple::<(String, i64)>();
    Ok(select.all(db).await?.into_iter().collect())
}

/// Vouchers that can still be used, by listing.
async fn usable(
    db: &impl sea_orm::ConnectionTrait,
    ids: &[String],
    now: i64,
) -> Result<HashMap<String, i64>> {
    let lasts =
        Condition::any().add(voucher::Column::ExpiresAt.is_null()).add(voucher::Column::ExpiresAt.gt(now));
    let select = voucher::Entity::find()
        .select_only()
        .column(voucher::Column::Listing)
        .column_as(voucher::Column::Id.count(), "count")
        .filter(voucher::Column::Listing.is_in(ids))
        .filter(voucher::Column::UsesLeft.gt(0))
        .filter(voucher::Column::DisabledAt.is_null())
        .filter(lasts)
        .group_by(voucher::Column::Listing)
        .into_tuple::<(String, i64)>();
    Ok(select.all(db).await?.into_iter().collect())
}
