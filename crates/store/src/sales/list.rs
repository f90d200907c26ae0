//! `/api/v1/sales`, as JSON and as CSV.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::catalogue::Price;
use sealpost_api::sales::{SaleList, Sold};
use sealpost_database::clock::rfc3339;
use sealpost_market::fee::fee;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::SalesQuery;
use super::{csv, listings_of, mine, names_of};
use crate::fault::Result;
use crate::http::body::Query;
use crate::http::page::PageQuery;
use crate::schema::value::count;
use crate::schema::{chain_payment, licence, listing, purchase};
use crate::state::AppState;

/// Rows of one file; who has more asks for them by time.
const FILE_MAX: usize = 50_000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(file))
}

/// Purchases of your listings, newest first.
#[utoipa::path(get, path = "/api/v1/sales", tag = "sell", params(SalesQuery), responses(
    (status = 200, body = SaleList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<SalesQuery>,
) -> Result<Json<SaleList>> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    page_of(&state, &user, &query, &page).await.map(Json)
}

/// The same as a file (RFC 4180), at most 50000 rows. What a spreadsheet would take for a formula is kept from it.
#[utoipa::path(get, path = "/api/v1/sales.csv", tag = "sell", params(SalesQuery), responses(
    (status = 200, content_type = "text/csv", body = String),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn file(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<SalesQuery>,
) -> Result<Response> {
    let mut page = PageQuery { after: query.after.clone(), limit: Some(200) };
    let mut text = csv::head();
    let mut rows = 0;
    loop {
        let part = page_of(&state, &user, &query, &page).await?;
        rows += part.sales.len();
        part.sales.iter().for_each(|sale| csv::row(&mut text, sale));
        page.after = part.next;
        if page.after.is_none() || rows >= FILE_MAX {
            break;
        }
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"sales.csv\"")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, text).into_response())
}

async fn page_of(
    state: &AppState,
    user: &UserAuth,
    query: &SalesQuery,
    page: &PageQuery,
) -> Result<SaleList> {
    let db = state.db.read();
    let mut rows = purchase::Entity::find()
        .filter(mine(user, query.everybody, purchase::Column::Listing)?)
        .filter(query.condition()?)
        .filter(page.condition(purchase::Column::CreatedAt, purchase::Column::Id)?)
        .order_by_desc(purchase::Column::CreatedAt)
        .order_by_desc(purchase::Column::Id)
        .limit(page.limit() + 1)
        .all(db)
        .await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let listings = listings_of(state, rows.iter().map(|row| row.listing.as_str())).await?;
    let names = names_of(state, rows.iter().map(|row| row.buyer.as_str())).await?;
    let ids: Vec<_> = rows.iter().filter_map(|row| row.licence.as_deref()).collect();
    let licences = licence::Entity::find().filter(licence::Column::Id.is_in(ids)).all(db).await?;
    let licences: HashMap<_, _> = licences.into_iter().map(|row| (row.id.clone(), row)).collect();
    let on_chain: Vec<_> =
        rows.iter().filter(|row| row.method == "chain").map(|row| row.id.as_str()).collect();
    let payments =
        chain_payment::Entity::find().filter(chain_payment::Column::Purchase.is_in(on_chain)).all(db).await?;
    let payments: HashMap<_, _> =
        payments.into_iter().filter_map(|row| Some((row.purchase.clone()?, row))).collect();
    let sales = rows.iter().map(|row| {
        let licence = row.licence.as_ref().and_then(|id| licences.get(id));
        let name = names.get(&row.buyer).cloned();
        sold(row, listings.get(&row.listing), name, licence, payments.get(&row.id))
    });
    Ok(SaleList { sales: sales.collect(), next })
}

fn sold(
    row: &purchase::Model,
    listing: Option<&listing::Model>,
    buyer_name: Option<String>,
    licence: Option<&licence::Model>,
    payment: Option<&chain_payment::Model>,
) -> Sold {
    let (fee, net) = match share(row, payment.and_then(|payment| payment.fee.as_deref())) {
        Some((fee, net)) => (Some(fee.to_string()), Some(net.to_string())),
        None => (None, None),
    };
    let price = row.price_amount.clone().zip(row.price_currency.clone());
    Sold {
        purchase: row.id.clone(),
        listing: row.listing.clone(),
        title: listing.map(|listing| listing.title.clone()).unwrap_or_default(),
        kind: row.kind.clone(),
        buyer: row.buyer.clone(),
        buyer_name,
        state: row.state.clone(),
        method: row.method.clone(),
        price: price.map(|(amount, currency)| Price { amount, currency }),
        fee,
        net,
        licence: row.licence.clone(),
        reference: row.payment_reference.clone().or_else(|| payment.map(|payment| payment.tx_hash.clone())),
        note: row.note.clone(),
        answer: row.answer.clone(),
        used: licence.map_or(0, |licence| count(licence.used)),
        allowed: licence.map_or(0, |licence| count(licence.allowed)),
        key_released: licence.is_some_and(|licence| licence.keys_released > 0),
        created_at: rfc3339(row.created_at),
        paid_at: row.paid_at.map(rfc3339),
        refunded_at: row.refunded_at.map(rfc3339),
    }
}

/// The store's share of a purchase, and what is left; none where no money came.
fn share(row: &purchase::Model, on_chain: Option<&str>) -> Option<(u128, u128)> {
    if row.state != "paid" || row.method == "voucher" {
        return None;
    }
    let gross: u128 = row.price_amount.as_deref()?.parse().ok()?;
    let fee = share_of(gross, row.fee_basis_points, on_chain);
    Some((fee, gross - fee))
}

/// On chain the contract took its share; elsewhere it is what was set when it was paid.
pub(super) fn share_of(gross: u128, basis_points: i32, on_chain: Option<&str>) -> u128 {
    match on_chain.and_then(|fee| fee.parse().ok()) {
        Some(fee) => gross.min(fee),
        None => fee(gross, u16::try_from(basis_points).unwrap_or(0)),
    }
}
