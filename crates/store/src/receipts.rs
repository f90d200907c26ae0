//! Receipts: what was paid to whom for what, signed by the store.

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::catalogue::Price;
use sealpost_api::receipt::{Receipt, ReceiptItem, ReceiptParty, SignedReceipt};
use sealpost_database::clock::rfc3339;
use sealpost_envelope::receipt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::{Fault, Result};
use crate::http::body::Path;
use crate::purchases::visible;
use crate::sales::names_of;
use crate::schema::{chain_payment, listing, purchase};
use crate::state::AppState;

/// Of the shape of receipts.
const VERSION: u32 = 1;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// The receipt of a purchase, for its buyer and its seller.
#[utoipa::path(get, path = "/api/v1/purchases/{id}/receipt", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = SignedReceipt),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`not_paid`"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<SignedReceipt>> {
    let (row, listing, _) = visible(state.db.read(), &id, &user).await?;
    let Some(paid_at) = row.paid_at.filter(|_| matches!(row.state.as_str(), "paid" | "refunded")) else {
        return Err(Problem::new(409, "not_paid", "There is no receipt yet")
            .detail("This purchase is not paid.")
            .hint("Look again once it is.")
            .into());
    };
    let receipt = of(&state, &row, &listing, paid_at).await?;
    let keys = state.identity.keys().await?;
    let jws = receipt::sign(&receipt, &keys.jobs.kid, &keys.jobs.secret).map_err(Fault::internal)?;
    Ok(Json(SignedReceipt { receipt, jws }))
}

async fn of(
    state: &AppState,
    row: &purchase::Model,
    listing: &listing::Model,
    paid_at: i64,
) -> Result<Receipt> {
    let names = names_of(state, [row.buyer.as_str(), listing.publisher.as_str()]).await?;
    // As it was when it was bought: a receipt says the same whenever it is asked for.
    let party = |id: &str, then: &Option<String>| ReceiptParty {
        id: id.to_owned(),
        name: then.clone().or_else(|| names.get(id).cloned()),
    };
    let seller = party(&listing.publisher, &row.seller_name);
    let rules = row.to_market()?;
    let price = row.price_amount.clone().zip(row.price_currency.clone());
    Ok(Receipt {
        v: VERSION,
        iss: state.origin.clone(),
        iat: state.clock.now_ms().div_euclid(1000).unsigned_abs(),
        number: row.id.to_uppercase().replace('_', "-"),
        date: rfc3339(paid_at),
        state: row.state.clone(),
        refunded_at: row.refunded_at.map(rfc3339),
        seller: ReceiptParty {
            name: seller.name.or_else(|| Some(listing.publisher_name.clone())),
            id: seller.id,
        },
        buyer: party(&row.buyer, &row.buyer_name),
        item: ReceiptItem {
            purchase: row.id.clone(),
            licence: row.licence.clone(),
            listing: row.listing.clone(),
            title: row.title.clone().unwrap_or_else(|| listing.title.clone()),
            kind: row.kind.clone(),
            version: row.version.clone(),
            quantity: rules.terms.prints,
        },
        // A voucher stands for the price: no money came.
        price: price.filter(|_| row.method != "voucher").map(|(amount, currency)| Price { amount, currency }),
        method: row.method.clone(),
        reference: reference(state, row).await?,
    })
}

async fn reference(state: &AppState, row: &purchase::Model) -> Result<Option<String>> {
    if row.method != "chain" {
        return Ok(row.payment_reference.clone());
    }
    let payment = chain_payment::Entity::find()
        .filter(chain_payment::Column::Purchase.eq(&row.id))
        .filter(chain_payment::Column::BlockNumber.is_not_null())
        .one(state.db.read())
        .await?;
    Ok(payment.map(|payment| payment.tx_hash))
}
