//! External payments: where buyers pay, and who says that they did. Any payment provider can be attached: it, or a few lines before
//! it, sends what happened, signed by the Standard Webhooks scheme.

mod expire;
mod notice;
mod sources;
mod template;
mod ways;

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_api::Problem;
use sealpost_api::purchase::Payment;
use utoipa_axum::router::OpenApiRouter;

use crate::fault::{Fault, Result};
use crate::schema::value::to_price;
use crate::schema::{listing, payment_source, purchase};
use crate::state::AppState;

pub(crate) use expire::give_up_stale;
pub(crate) use sources::{forget_of, rest};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(sources::router()).merge(notice::router()).merge(ways::router())
}

/// Who takes the money of an external payment for this listing; none for other payments.
///
/// # Errors
/// 422 `payment_refused` for a free listing, or where nobody does.
pub(crate) async fn source_for(
    db: &impl ConnectionTrait,
    listing: &listing::Model,
    payment: &Payment,
) -> Result<Option<String>> {
    let Payment::External { source } = payment else { return Ok(None) };
    if listing.price_amount.is_none() {
        return Err(refused("This listing is free.", "Choose `free`."));
    }
    let all = sources_of(db, listing).await?;
    let found = match source {
        Some(wanted) => all.into_iter().find(|row| row.id == *wanted),
        None => all.into_iter().next(),
    };
    match found {
        Some(row) => Ok(Some(row.id)),
        None => Err(refused(
            "Nobody takes external payments for this listing.",
            "Choose another way of paying, or ask the seller.",
        )),
    }
}

/// Where a purchase can be paid, while it is not.
pub(crate) async fn url_of(db: &impl ConnectionTrait, row: &purchase::Model) -> Result<Option<String>> {
    let Some(source) = row.payment_source.as_deref().filter(|_| row.state == "pending") else {
        return Ok(None);
    };
    let source = payment_source::Entity::find_by_id(source).one(db).await?;
    let source = source.filter(|source| source.state == "active");
    let Some(template) = source.and_then(|source| source.checkout_url) else { return Ok(None) };
    let price = to_price(row.price_amount.as_deref(), row.price_currency.as_deref())?;
    Ok(template::fill(&template, row, &price))
}

/// Active sources for a listing: the seller's own first.
async fn sources_of(
    db: &impl ConnectionTrait,
    listing: &listing::Model,
) -> Result<Vec<payment_source::Model>> {
    let whose = Condition::any()
        .add(payment_source::Column::Owner.eq(&listing.publisher))
        .add(payment_source::Column::Everybody.eq(true));
    Ok(payment_source::Entity::find()
        .filter(whose)
        .filter(payment_source::Column::State.eq("active"))
        .order_by_asc(payment_source::Column::Everybody)
        .order_by_asc(payment_source::Column::CreatedAt)
        .order_by_asc(payment_source::Column::Id)
        .limit(50)
        .all(db)
        .await?)
}

/// Whether this source may speak of purchases of this listing.
fn speaks_for(source: &payment_source::Model, listing: &listing::Model) -> bool {
    source.everybody || source.owner == listing.publisher
}

fn refused(detail: &str, hint: &str) -> Fault {
    Problem::new(422, "payment_refused", "This way of paying is not taken").detail(detail).hint(hint).into()
}
