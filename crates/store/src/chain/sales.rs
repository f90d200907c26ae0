//! `/api/v1/payments`: what was paid on chain, for those who were paid; and what the store knows of one transaction, for everybody.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use sea_orm::sea_query::Query as Select;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::{ApiError, UserAuth};
use sealpost_api::Problem;
use sealpost_api::chain::{ChainPayment, PaymentList, RecordedPayment};
use sealpost_market::chain::{ChainHash, ChainPurchase, Refusal, TxOutcome};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::PaymentQuery;
use super::questions::Asking;
use super::view::View;
use super::{payments, refund};
use crate::catalogue::owned_listing;
use crate::fault::{Fault, Result};
use crate::http::body::{Path, Query};
use crate::http::page::PageQuery;
use crate::limits;
use crate::schema::chain_payment::{Column, Entity, Model};
use crate::schema::{listing, purchase, release};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Payments for your listings, newest first; for operators, all. Those that do not count are among them, with the reason and the call
/// that gives the money back.
#[utoipa::path(get, path = "/api/v1/payments", tag = "sell", params(PaymentQuery), responses(
    (status = 200, body = PaymentList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<PaymentQuery>,
) -> Result<Json<PaymentList>> {
    let db = state.db.read();
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let mut select = Entity::find()
        .filter(page.condition(Column::CreatedAt, Column::Id)?)
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(page.limit() + 1);
    if let Some(listing) = &query.listing {
        select = select.filter(Column::Listing.eq(owned_listing(db, listing, &user).await?.id));
    } else if !user.0.operator {
        let mine = Select::select()
            .column(listing::Column::Id)
            .from(listing::Entity)
            .and_where(listing::Column::Publisher.eq(user.id().as_str()))
            .to_owned();
        select = select.filter(Column::Listing.in_subquery(mine));
    }
    let mut rows = select.all(db).await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let view = View::load(&state).await?;
    let versions = versions(db, &rows).await?;
    let mut payments = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut payment = view.payment(row)?;
        refund::offer(&state, &view, row, user.0.operator, &mut payment).await?;
        payments.push(recorded(row, payment, &versions, true));
    }
    Ok(Json(PaymentList { payments, next }))
}

/// What is known of a transaction: what the store has recorded of it, and else what the chain says of it. Its purchases, its refunds
/// and who may give money back are told to those who bought and sold.
#[utoipa::path(get, path = "/api/v1/payments/{tx_hash}", tag = "chain", params(("tx_hash" = String, Path)), responses(
    (status = 200, body = PaymentList),
    (status = 404, body = Problem, description = "`payment_unknown`, `chain_not_configured`"),
    (status = 422, body = Problem, description = "`invalid`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
    (status = 503, body = Problem, description = "`chain_unreachable`, `chain_disagreement`, `chain_wrong`"),
))]
async fn show(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    from: ClientAddress,
    Path(tx_hash): Path<String>,
) -> Result<Json<PaymentList>> {
    let tx: ChainHash = tx_hash.parse().map_err(|error| limits::invalid("tx_hash", error))?;
    let asking = Asking::new(&state, from)?;
    let db = state.db.read();
    let view = View::load(&state).await?;
    let rows = payments::of_tx(db, &super::source(asking.port().terms()), tx).await?;
    if rows.is_empty() {
        return Ok(Json(PaymentList { payments: on_chain(&asking, db, &view, tx).await?, next: None }));
    }
    let versions = versions(db, &rows).await?;
    let mut payments = Vec::with_capacity(rows.len());
    for row in &rows {
        let party = party(db, row, user.as_ref().ok()).await?;
        let mut payment = view.payment(row)?;
        if party == Some(Party::Seller) {
            let by_operator = user.as_ref().is_ok_and(|user| user.0.operator);
            refund::offer(&state, &view, row, by_operator, &mut payment).await?;
        }
        payments.push(recorded(row, payment, &versions, party.is_some()));
    }
    Ok(Json(PaymentList { payments, next: None }))
}

/// Who asks about a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Buyer,
    Seller,
}

async fn party(db: &impl ConnectionTrait, row: &Model, user: Option<&UserAuth>) -> Result<Option<Party>> {
    let Some(user) = user else { return Ok(None) };
    if user.0.operator {
        return Ok(Some(Party::Seller));
    }
    let me = user.id().as_str();
    if let Some(listing) = &row.listing {
        let mine = listing::Entity::find_by_id(listing).filter(listing::Column::Publisher.eq(me));
        if mine.one(db).await?.is_some() {
            return Ok(Some(Party::Seller));
        }
    }
    let Some(bought) = &row.purchase else { return Ok(None) };
    let mine = purchase::Entity::find_by_id(bought).filter(purchase::Column::Buyer.eq(me));
    Ok(mine.one(db).await?.map(|_| Party::Buyer))
}

/// A transaction that the store has not recorded, as the chain shows it at this moment.
async fn on_chain(
    asking: &Asking<'_>,
    db: &impl ConnectionTrait,
    view: &View<'_>,
    tx: ChainHash,
) -> Result<Vec<RecordedPayment>> {
    let (terms, tx_hash) = (asking.port().terms(), tx.to_string());
    let alone = |block, refusal: Option<&Refusal>| {
        let payment = view.transaction(terms, &tx_hash, block, refusal);
        Ok(vec![RecordedPayment { payment, ..RecordedPayment::default() }])
    };
    match asking.transaction(tx).await? {
        TxOutcome::Unknown => Err(unknown()),
        TxOutcome::Waiting => alone(None, None),
        TxOutcome::Reverted { block } => alone(Some(block), Some(&Refusal::Reverted)),
        TxOutcome::Mined { block, purchases } if purchases.is_empty() => {
            alone(Some(block), Some(&Refusal::WrongContract))
        }
        TxOutcome::Mined { purchases, .. } => {
            let mut shown = Vec::with_capacity(purchases.len());
            for paid in &purchases {
                shown.push(unrecorded(db, paid, view.seen(terms, paid)).await?);
            }
            Ok(shown)
        }
    }
}

async fn unrecorded(
    db: &impl ConnectionTrait,
    paid: &ChainPurchase,
    payment: ChainPayment,
) -> Result<RecordedPayment> {
    let release = payments::release_of(db, paid.item).await?;
    let (listing, version) = release.map(|release| (release.listing, release.version)).unzip();
    Ok(RecordedPayment {
        payment,
        index: paid.index,
        purchase: None,
        listing,
        version,
        item: Some(paid.item.to_string()),
        buyer_key: Some(paid.buyer_key.to_string()),
        publisher: Some(paid.publisher.to_string()),
    })
}

/// Versions by item.
pub(super) async fn versions(db: &impl ConnectionTrait, rows: &[Model]) -> Result<HashMap<String, String>> {
    let items: Vec<_> = rows.iter().filter_map(|row| row.item.as_deref()).collect();
    if items.is_empty() {
        return Ok(HashMap::new());
    }
    let releases = release::Entity::find().filter(release::Column::Item.is_in(items)).all(db).await?;
    Ok(releases.into_iter().filter_map(|release| Some((release.item?, release.version))).collect())
}

pub(super) fn recorded(
    row: &Model,
    payment: ChainPayment,
    versions: &HashMap<String, String>,
    is_party: bool,
) -> RecordedPayment {
    RecordedPayment {
        payment,
        index: row.tx_index.and_then(|index| u32::try_from(index).ok()).unwrap_or_default(),
        purchase: row.purchase.clone().filter(|_| is_party),
        listing: row.listing.clone(),
        version: row.item.as_ref().and_then(|item| versions.get(item).cloned()),
        item: row.item.clone(),
        buyer_key: row.buyer_key.clone(),
        publisher: row.publisher.clone(),
    }
}

fn unknown() -> Fault {
    Problem::new(404, "payment_unknown", "Nobody has heard of this transaction")
        .detail("Neither the store nor the endpoints of its chain know it.")
        .hint("If your wallet has just sent it, ask again in a few seconds; else check the hash and the wallet's chain.")
        .into()
}
