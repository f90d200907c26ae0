//! `POST /api/v1/payments/{tx_hash}/accept`: a payment that is not what was offered then, and that its seller takes all the same.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use sea_orm::EntityTrait;
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::chain::RecordedPayment;
use sealpost_database::Tx;
use sealpost_market::chain::{ChainHash, ChainPurchase, PaymentState, Refusal};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::named::{read_hash, refused};
use super::port::ChainPort;
use super::query::AcceptQuery;
use super::settle::Desk;
use super::view::View;
use super::{payments, pending, refund, sales};
use crate::catalogue::owned_listing;
use crate::fault::{Fault, Result};
use crate::http::body::{Path, Query};
use crate::schema::chain_payment::{Entity, Model};
use crate::schema::value::parsed;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(accept))
}

/// Take a payment for a listing of yours that was refused because of its amount, or because nothing was offered then. The buyer is
/// given what it pays for. The money must have gone to an address that the listing was sold by, and must still be there.
#[utoipa::path(post, path = "/api/v1/payments/{tx_hash}/accept", tag = "sell",
    params(("tx_hash" = String, Path), AcceptQuery), responses(
    (status = 200, body = RecordedPayment),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 404, body = Problem, description = "`not_found`, `chain_not_configured`"),
    (status = 409, body = Problem, description = "`payment_not_acceptable`"),
    (status = 422, body = Problem, description = "`invalid`, `which_payment`, `payment_key_unusable`, `payment_not_verified`"),
    (status = 503, body = Problem, description = "`chain_unreachable`, `chain_disagreement`, `chain_wrong`"),
))]
async fn accept(
    State(state): State<AppState>,
    user: UserAuth,
    Path(tx_hash): Path<String>,
    Query(query): Query<AcceptQuery>,
) -> Result<Json<RecordedPayment>> {
    let port = super::port(&state)?;
    let row = find(&state, &user, port, read_hash(&tx_hash)?, &query).await?;
    let row = if row.payment_state()? == PaymentState::Settled {
        row
    } else {
        check(&state, &row).await?;
        stands(port, &row).await?;
        let shared = Arc::new((state.clone(), user.clone(), row));
        let taken = state.db.write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, row) = &*shared;
                take(state, tx, user, row).await
            })
        });
        taken.await?
    };
    let db = state.db.read();
    let view = View::load(&state).await?;
    let mut payment = view.payment(&row)?;
    refund::offer(&state, &view, &row, user.0.operator, &mut payment).await?;
    let versions = sales::versions(db, std::slice::from_ref(&row)).await?;
    Ok(Json(sales::recorded(&row, payment, &versions, true)))
}

/// The payment of a transaction that this person may take.
async fn find(
    state: &AppState,
    user: &UserAuth,
    port: &dyn ChainPort,
    tx: ChainHash,
    query: &AcceptQuery,
) -> Result<Model> {
    let db = state.db.read();
    let mut mine = Vec::new();
    for row in payments::of_tx(db, &super::source(port.terms()), tx).await? {
        let (Some(listing), Some(index)) = (&row.listing, row.tx_index) else { continue };
        let meant = query.index.is_none_or(|wanted| i64::from(wanted) == i64::from(index));
        if meant && owned_listing(db, listing, user).await.is_ok() {
            mine.push(row);
        }
    }
    // Of several, those that there is something to decide about.
    if mine.len() > 1 && mine.iter().any(|row| row.state == PaymentState::Refused.as_str()) {
        mine.retain(|row| row.state == PaymentState::Refused.as_str());
    }
    match <[Model; 1]>::try_from(mine) {
        Ok([row]) => Ok(row),
        Err(none) if none.is_empty() => Err(Fault::not_found("payment")),
        Err(_) => Err(Problem::new(422, "which_payment", "The transaction pays several times")
            .detail("It is not clear which of its payments is meant.")
            .hint("Send its number as `?index=`; `GET /api/v1/payments` shows it.")
            .into()),
    }
}

/// Whether it is the seller's to take: refused for what the store asked, and paid to whom the listing was sold by.
async fn check(state: &AppState, row: &Model) -> Result<()> {
    let detail = match row.payment_state()? {
        PaymentState::Refused => match row.reason.as_deref() {
            Some("payment_not_offered" | "payment_wrong_amount")
                if refund::paid_to_seller(state, row).await? =>
            {
                return Ok(());
            }
            Some("payment_not_offered" | "payment_wrong_amount" | "payment_wrong_publisher") => {
                "Its money went to an address that this listing was never sold by."
            }
            _ => "It is refused for what the seller cannot change.",
        },
        PaymentState::Refunded => "Its money went back.",
        _ => "It is not settled.",
    };
    Err(Problem::new(409, "payment_not_acceptable", "This payment cannot be accepted")
        .detail(detail)
        .hint("Payments can be accepted that are refused as `payment_not_offered` or `payment_wrong_amount`.")
        .into())
}

/// Whether chain and contract stand by it still.
async fn stands(port: &dyn ChainPort, row: &Model) -> Result<()> {
    let (heads, paid) = (port.heads().await?, row.purchase_on_chain()?);
    let settled = pending::is_settled(port, heads, paid.block).await?;
    if settled && port.verified(paid.item, &paid.buyer_key, heads.settled).await? {
        return Ok(());
    }
    Err(refused(&Refusal::NotVerified))
}

async fn take(state: &AppState, tx: &Tx, user: &UserAuth, asked: &Model) -> Result<Model> {
    let port = super::port(state)?;
    let row = Entity::find_by_id(&asked.id).one(tx).await?.ok_or(Fault::Conflict)?;
    if row.payment_state()? == PaymentState::Settled {
        return Ok(row);
    }
    if row.row_version != asked.row_version {
        // What the chain was asked may not hold any more.
        return Err(changed());
    }
    let now = state.clock.now_ms();
    let paid = row.purchase_on_chain()?;
    let release = payments::release_of(tx, paid.item).await?.ok_or(Fault::Conflict)?;
    let key = payments::usable_key(&paid.buyer_key).map_err(|no| refused(&no))?;
    let details = json!({"reason": row.reason, "listing": release.listing, "payment": row.id});
    audit::record(tx, now, &user.actor(), "payment.accepted", &format!("payment:{}", row.tx_hash), details)
        .await?;
    let row = Model { accepted_at: Some(now), ..row };
    Desk::new(state, tx, port.terms()).settle(row, &paid, &release, &key).await
}

fn changed() -> Fault {
    Problem::new(409, "payment_not_acceptable", "The payment has just changed")
        .detail("The store read something new about it at the same moment.")
        .hint("Look at it again, and accept it if you still want to.")
        .into()
}

impl Model {
    /// The purchase that the chain showed of it.
    fn purchase_on_chain(&self) -> Result<ChainPurchase> {
        let missing = || refused(&Refusal::NotVerified);
        let text = |field: &Option<String>| field.clone().ok_or_else(missing);
        Ok(ChainPurchase {
            tx: self.tx()?,
            log_index: self.log_index.ok_or_else(missing)?.unsigned_abs(),
            index: self.tx_index.and_then(|index| u32::try_from(index).ok()).ok_or_else(missing)?,
            block: self.block()?.ok_or_else(missing)?,
            block_time: self.block_time.ok_or_else(missing)?.unsigned_abs(),
            item: parsed(&text(&self.item)?)?,
            buyer_key: self.key()?.ok_or_else(missing)?,
            amount: parsed(&text(&self.amount)?)?,
            fee: parsed(&text(&self.fee)?)?,
            payer: parsed(&text(&self.payer)?)?,
            publisher: parsed(&text(&self.publisher)?)?,
            token: self.paid_token()?,
        })
    }
}
