//! `/api/v1/purchases`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_accounts::extract::ClientAddress;
use sealpost_api::Problem;
use sealpost_api::purchase::{Payment, Purchase, PurchaseList, PurchaseRequest, PurchaseResponse};
use sealpost_database::Tx;
use sealpost_market::{LicenceId, ListingKind, Party, PurchaseEvent, RuleError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::buy::{self, Order};
use super::change::licence_of;
use super::licences::keep_to_buyer;
use super::query::PurchaseQuery;
use super::{change, on_chain};
use crate::catalogue::find_listing;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::plugins::{devices_of, recipient};
use crate::schema::{device, listing, purchase};
use crate::state::AppState;
use crate::{checkout, limits, points, random, sellers};

const NOTE_MAX: usize = 500;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, place))
        .routes(routes!(show))
        .routes(routes!(mark_paid))
        .routes(routes!(refund))
}

/// Buy something. With a transaction, the answer says how far that is, and `GET /api/v1/purchases/{id}` goes on saying so.
#[utoipa::path(post, path = "/api/v1/purchases", tag = "buy", request_body = PurchaseRequest, responses(
    (status = 201, body = PurchaseResponse),
    (status = 402, body = Problem, description = "`not_free`"),
    (status = 403, body = Problem, description = "`key_not_proved`"),
    (status = 404, body = Problem, description = "`not_found`, `voucher_unknown`, `chain_not_configured`"),
    (status = 409, body = Problem, description = "`payment_used`"),
    (status = 410, body = Problem, description = "`voucher_used_up`, `voucher_expired`, `listing_not_for_sale`"),
    (status = 422, body = Problem, description = "`invalid`, `which_key`, and why a transaction does not pay: `payment_reverted`, `payment_wrong_contract`, `payment_wrong_listing`, `payment_not_offered`, `payment_wrong_amount`, `payment_wrong_token`, `payment_wrong_publisher`, `payment_wrong_key`, `payment_key_unusable`, `payment_not_verified`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
    (status = 503, body = Problem, description = "`chain_unreachable`, `chain_disagreement`, `chain_wrong`"),
))]
async fn place(
    State(state): State<AppState>,
    user: UserAuth,
    from: ClientAddress,
    headers: HeaderMap,
    Body(new): Body<PurchaseRequest>,
) -> Result<Answer> {
    if let Payment::Chain { tx_hash } = &new.payment {
        return on_chain::place(&state, user, from, &headers, &new, tx_hash).await;
    }
    let request = Once::new(&headers, user.id().as_str(), "purchases", &new)?;
    let listing = find_listing(state.db.read(), &new.listing).await?;
    let mut order = Order::new(&state, user.id(), &listing, &new.payment).await?;
    order.source = checkout::source_for(state.db.read(), &listing, &new.payment).await?;
    let note = limits::words("note", new.note.as_deref().unwrap_or_default(), NOTE_MAX)?;
    order.note = Some(note).filter(|text| !text.is_empty());
    order.device = new.recipient.as_ref().map(recipient::read).transpose()?;
    let shared = state.clone();
    let done = once(&state, request, StatusCode::CREATED, move |tx| {
        let (state, order) = (shared.clone(), order.clone());
        Box::pin(async move {
            let answer = buy::place(&state, tx, &order).await?;
            points::PURCHASE.before()?;
            Ok(answer)
        })
    })
    .await;
    points::PURCHASE.behind(done)
}

/// Your purchases, newest first.
#[utoipa::path(get, path = "/api/v1/purchases", tag = "buy", params(PurchaseQuery), responses(
    (status = 200, body = PurchaseList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<PurchaseQuery>,
) -> Result<Json<PurchaseList>> {
    let page = query.page();
    let mut rows = purchase::Entity::find()
        .filter(purchase::Column::Buyer.eq(user.id().as_str()))
        .filter(query.condition())
        .filter(page.condition(purchase::Column::CreatedAt, purchase::Column::Id)?)
        .order_by_desc(purchase::Column::CreatedAt)
        .order_by_desc(purchase::Column::Id)
        .limit(page.limit() + 1)
        .all(state.db.read())
        .await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let titles = titles(state.db.read(), &rows).await?;
    let purchases = rows.iter().map(|row| Purchase {
        title: titles.get(&row.listing).cloned().unwrap_or_default(),
        ..buy::to_api(row)
    });
    Ok(Json(PurchaseList { purchases: purchases.collect(), next }))
}

async fn titles(db: &impl ConnectionTrait, rows: &[purchase::Model]) -> Result<HashMap<String, String>> {
    let found = listing::Entity::find()
        .select_only()
        .columns([listing::Column::Id, listing::Column::Title])
        .filter(listing::Column::Id.is_in(rows.iter().map(|row| row.listing.as_str())))
        .into_tuple::<(String, String)>()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}

/// One purchase, for its buyer and its seller.
#[utoipa::path(get, path = "/api/v1/purchases/{id}", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = PurchaseResponse),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<PurchaseResponse>> {
    let db = state.db.read();
    let (row, listing, by) = visible(db, &id, &user).await?;
    let licence = licence_of(db, &row).await?;
    let devices = devices(db, &row, &user).await?;
    let licence = licence.map(|row| row.to_market()).transpose()?;
    let mut answer = buy::to_response(&listing, &row, licence.as_ref(), &devices)?;
    answer.payment_url = checkout::url_of(db, &row).await?;
    if row.state == "pending" && row.method != "chain" && answer.payment_url.is_none() {
        answer.how_to_pay = sellers::how_to_pay(db, &listing.publisher).await?;
    }
    answer.seller_name = Some(listing.publisher_name);
    if row.method == "chain" {
        answer.payment = on_chain::payment(&state, &row, by).await?;
    }
    Ok(Json(answer))
}

/// Say that the money for a purchase of your listing arrived.
#[utoipa::path(post, path = "/api/v1/purchases/{id}/mark-paid", tag = "sell", params(("id" = String, Path)), responses(
    (status = 200, body = PurchaseResponse),
    (status = 403, body = Problem, description = "`not_allowed`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`purchase_state`, `paid_on_chain`"),
))]
async fn mark_paid(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "purchases/mark-paid", &id)?;
    let event = PurchaseEvent::Paid { licence: LicenceId::generate(&random::bytes()?) };
    change_once(&state, request, user, id, move |row, by| match by {
        _ if row.method == "chain" => Err(RuleError::PaidOnChain.into()),
        Party::Buyer => Err(RuleError::NotAllowed("the publisher or an operator").into()),
        _ => Ok(event.clone()),
    })
    .await
}

/// Give the money of a purchase back: its licence is revoked and its waiting jobs are cancelled.
#[utoipa::path(post, path = "/api/v1/purchases/{id}/refund", tag = "sell", params(("id" = String, Path)), responses(
    (status = 200, body = PurchaseResponse),
    (status = 403, body = Problem, description = "`refund_needs_decision`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`purchase_state`, `refund_on_chain`"),
))]
async fn refund(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "purchases/refund", &id)?;
    change_once(&state, request, user, id, |_, by| Ok(PurchaseEvent::Refund { by })).await
}

/// Decides once what becomes of a purchase that this person sees; `event` may say something about it besides.
pub(super) async fn change_once(
    state: &AppState,
    request: Once,
    user: UserAuth,
    id: String,
    event: impl Fn(&mut purchase::Model, Party) -> Result<PurchaseEvent> + Send + Sync + 'static,
) -> Result<Answer> {
    let shared = Arc::new((state.clone(), user, id, event));
    once(state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id, event) = &*shared;
            let (mut row, listing, by) = visible(tx, id, user).await?;
            let event = event(&mut row, by)?;
            apply(state, tx, user, &row, &listing, event).await
        })
    })
    .await
}

async fn apply(
    state: &AppState,
    tx: &Tx,
    user: &UserAuth,
    row: &purchase::Model,
    listing: &listing::Model,
    event: PurchaseEvent,
) -> Result<PurchaseResponse> {
    let changed = change::apply(state, tx, &user.actor(), row, event, |_| ()).await?;
    let devices = devices(tx, &changed.purchase, user).await?;
    buy::to_response(listing, &changed.purchase, changed.licence.as_ref(), &devices)
}

/// A purchase, its listing, and as what this person sees it.
pub(crate) async fn visible(
    db: &impl ConnectionTrait,
    id: &str,
    user: &UserAuth,
) -> Result<(purchase::Model, listing::Model, Party)> {
    let row = purchase::Entity::find_by_id(id).one(db).await?;
    let row = row.ok_or_else(|| Fault::not_found("purchase"))?;
    let listing = find_listing(db, &row.listing).await?;
    let me = user.id().as_str();
    let party = if user.0.operator {
        Party::Operator
    } else if listing.publisher == me {
        Party::Publisher
    } else if row.buyer == me {
        Party::Buyer
    } else {
        return Err(Fault::not_found("purchase"));
    };
    Ok((row, listing, party))
}

/// The devices of what was bought; prints have none.
pub(crate) async fn devices(
    db: &impl ConnectionTrait,
    row: &purchase::Model,
    user: &UserAuth,
) -> Result<Vec<device::Model>> {
    let Some(licence) = row.licence.as_ref().filter(|_| row.kind == ListingKind::Plugin.as_str()) else {
        return Ok(Vec::new());
    };
    let mut devices = devices_of(db, &[licence]).await?.remove(licence).unwrap_or_default();
    if row.buyer != user.id().as_str() {
        devices.iter_mut().for_each(keep_to_buyer);
    }
    Ok(devices)
}
