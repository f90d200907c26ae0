//! `PUT /api/v1/listings/{id}/payout`: who is paid for a listing on chain.

use axum::Json;
use axum::extract::State;
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::Listing;
use sealpost_api::chain::PayoutChange;
use sealpost_database::Tx;
use sealpost_market::chain::Address;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::port::ChainTerms;
use super::price;
use crate::catalogue::{owned_listing, save_listing};
use crate::fault::Result;
use crate::http::body::{Body, Path};
use crate::limits;
use crate::schema::listing;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(change))
}

/// Say which address sells a listing on chain and is paid, or end its sale there. Its price has to be in the chain's coin or a token.
#[utoipa::path(put, path = "/api/v1/listings/{id}/payout", tag = "sell", params(("id" = String, Path)),
    request_body = PayoutChange, responses(
    (status = 200, body = Listing),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`, `chain_not_configured`"),
    (status = 422, body = Problem, description = "`invalid`, `price_not_on_chain`"),
))]
async fn change(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Body(change): Body<PayoutChange>,
) -> Result<Json<Listing>> {
    let payout = match &change.address {
        Some(text) => Some(read(super::port(&state)?.terms(), text)?),
        // A sale can be ended when the store has lost its chain, too.
        None => None,
    };
    let shared = state.clone();
    let listing = state
        .db
        .write(move |tx| {
            let (state, user, id) = (shared.clone(), user.clone(), id.clone());
            Box::pin(async move { apply(&state, tx, &user, &id, payout).await })
        })
        .await?;
    Ok(Json(listing))
}

async fn apply(
    state: &AppState,
    tx: &Tx,
    user: &UserAuth,
    id: &str,
    payout: Option<Address>,
) -> Result<Listing> {
    let mut row = owned_listing(tx, id, user).await?;
    if payout.is_some() {
        sellable(super::port(state)?.terms(), &row)?;
    }
    let old = std::mem::replace(&mut row.payout, payout.map(String::from));
    if old != row.payout {
        let subject = format!("listing:{}", row.id);
        let details = json!({"old": old, "new": row.payout});
        let now = state.clock.now_ms();
        audit::record(tx, now, &user.actor(), "listing.payout_changed", &subject, details).await?;
    }
    save_listing(state, tx, row).await
}

fn sellable(terms: &ChainTerms, row: &listing::Model) -> Result<()> {
    price::of(terms, &row.to_market()?.price).map(drop).map_err(|why| why.refuse(terms))
}

/// An address that can be paid.
fn read(terms: &ChainTerms, text: &str) -> Result<Address> {
    let address: Address = text.parse().map_err(|error| limits::invalid("address", error))?;
    let contracts = terms.tokens.iter().map(|token| token.address).chain([terms.contract]);
    if address.is_zero() || contracts.into_iter().any(|contract| contract == address) {
        return Err(limits::invalid("address", "nobody could withdraw what is paid to it"));
    }
    Ok(address)
}
