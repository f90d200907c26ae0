//! `/api/v1/vouchers`.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::{NewVoucher, Voucher};
use sealpost_api::selling::{VoucherInfo, VoucherPage};
use sealpost_database::clock::{parse_rfc3339, rfc3339};
use sealpost_market::{self as market, VoucherCode};
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::VoucherQuery;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::http::page::PageQuery;
use crate::schema::value::{count, stored};
use crate::schema::voucher;
use crate::state::AppState;
use crate::{limits, random};

/// Characters of a code that its publisher sees later: they say nothing about the other 12.
const SHOWN: usize = 4;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(disable))
}

/// How a code is kept.
pub(crate) fn code_hash(code: &VoucherCode) -> String {
    hex::encode(Sha256::digest(code.expose().as_bytes()))
}

/// Make a voucher for a listing of your own; its code is shown once.
#[utoipa::path(post, path = "/api/v1/vouchers", tag = "catalogue", request_body = NewVoucher, responses(
    (status = 201, body = Voucher),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn create(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<NewVoucher>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "vouchers", &new)?;
    let code = VoucherCode::generate(&random::bytes()?);
    let expires_at = match &new.expires_at {
        Some(text) => {
            Some(parse_rfc3339(text).ok_or_else(|| limits::invalid("expires_at", "it is no RFC 3339 time"))?)
        }
        None => None,
    };
    let uses = limits::prints(new.uses.unwrap_or(1))
        .map_err(|_| limits::invalid("uses", "they are 1 to 1000000"))?;
    let row = voucher::Model {
        id: code_hash(&code),
        listing: new.listing.clone(),
        uses_left: stored(uses),
        prints: new.prints.map(limits::prints).transpose()?.map(stored),
        expires_at,
        created_at: state.clock.now_ms(),
        uses: Some(stored(uses)),
        label: limits::label(&new.label)?,
        ends: code.expose().chars().skip(code.expose().len() - SHOWN).collect(),
        disabled_at: None,
    };
    once(&state, request, StatusCode::CREATED, move |tx| {
        let (row, user, code) = (row.clone(), user.clone(), code.clone());
        Box::pin(async move {
            let listing = super::owned_listing(tx, &row.listing, &user).await?.to_market()?;
            let row = voucher::Model { listing: listing.id.to_string(), ..row };
            voucher::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
            let subject = format!("listing:{}", row.listing);
            let details = serde_json::json!({"uses": row.uses_left, "prints": row.prints});
            audit::record(tx, row.created_at, &user.actor(), "voucher.created", &subject, details).await?;
            Ok(Voucher {
                id: row.id,
                code: grouped(code.expose()),
                listing: row.listing,
                prints: row.prints.map_or(listing.terms.prints, count),
                uses_left: count(row.uses_left),
                expires_at: row.expires_at.map(rfc3339),
            })
        })
    })
    .await
}

/// The vouchers of a listing of yours, newest first, without their codes.
#[utoipa::path(get, path = "/api/v1/vouchers", tag = "publish", params(VoucherQuery), responses(
    (status = 200, body = VoucherPage),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<VoucherQuery>,
) -> Result<Json<VoucherPage>> {
    let page = PageQuery { after: query.after, limit: query.limit };
    let listing = super::owned_listing(state.db.read(), &query.listing, &user).await?.to_market()?;
    let mut rows = voucher::Entity::find()
        .filter(voucher::Column::Listing.eq(listing.id.as_str()))
        .filter(page.condition(voucher::Column::CreatedAt, voucher::Column::Id)?)
        .order_by_desc(voucher::Column::CreatedAt)
        .order_by_desc(voucher::Column::Id)
        .limit(page.limit() + 1)
        .all(state.db.read())
        .await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let now = state.clock.now_ms();
    Ok(Json(VoucherPage { vouchers: rows.into_iter().map(|row| info(row, &listing, now)).collect(), next }))
}

/// Take a voucher back: nobody uses it any more. What was bought with it stays.
#[utoipa::path(delete, path = "/api/v1/vouchers/{id}", tag = "publish", params(("id" = String, Path)), responses(
    (status = 200, body = VoucherInfo),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn disable(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<VoucherInfo>> {
    let now = state.clock.now_ms();
    let done = state.db.write(move |tx| {
        let (user, id) = (user.clone(), id.clone());
        Box::pin(async move {
            let row = voucher::Entity::find_by_id(&id).one(tx).await?;
            let mut row = row.ok_or_else(|| Fault::not_found("voucher"))?;
            let listing = super::owned_listing(tx, &row.listing, &user).await?.to_market()?;
            if row.disabled_at.is_none() {
                row.disabled_at = Some(now);
                // Its uses are somebody else's to count: only this one column changes.
                let change = voucher::ActiveModel { disabled_at: Set(row.disabled_at), ..Default::default() };
                voucher::Entity::update_many()
                    .set(change)
                    .filter(voucher::Column::Id.eq(&row.id))
                    .exec(tx)
                    .await?;
                let subject = format!("listing:{}", row.listing);
                let details = serde_json::json!({"ends": row.ends, "uses_left": row.uses_left});
                audit::record(tx, now, &user.actor(), "voucher.disabled", &subject, details).await?;
            }
            Ok(info(row, &listing, now))
        })
    });
    done.await.map(Json)
}

fn info(row: voucher::Model, listing: &market::Listing, now: i64) -> VoucherInfo {
    let state = if row.disabled_at.is_some() {
        "disabled"
    } else if row.uses_left == 0 {
        "used_up"
    } else if row.expires_at.is_some_and(|end| end <= now) {
        "expired"
    } else {
        "active"
    };
    VoucherInfo {
        prints: row.prints.map_or(listing.terms.prints, count),
        uses: row.uses.map(count),
        uses_left: count(row.uses_left),
        state: state.to_owned(),
        expires_at: row.expires_at.map(rfc3339),
        created_at: rfc3339(row.created_at),
        id: row.id,
        listing: row.listing,
        label: row.label,
        ends: row.ends,
    }
}

/// Four characters and a dash, for people who type it.
fn grouped(code: &str) -> String {
    code.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}
