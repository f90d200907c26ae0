//! `GET /api/v1/chain/balances/{address}`: what can be withdrawn.

use axum::Json;
use axum::extract::State;
use sealpost_accounts::extract::ClientAddress;
use sealpost_api::Problem;
use sealpost_api::chain::{ChainBalance, ChainBalances};
use sealpost_market::chain::{Address, ContractCall};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::questions::Asking;
use super::{price, view};
use crate::fault::Result;
use crate::http::body::Path;
use crate::limits;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What the contract holds for an address, and the calls by which its wallet withdraws it. Everybody can read this on the chain too.
#[utoipa::path(get, path = "/api/v1/chain/balances/{address}", tag = "chain", params(("address" = String, Path)), responses(
    (status = 200, body = ChainBalances),
    (status = 404, body = Problem, description = "`chain_not_configured`"),
    (status = 422, body = Problem, description = "`invalid`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
    (status = 503, body = Problem, description = "`chain_unreachable`, `chain_disagreement`, `chain_wrong`"),
))]
async fn show(
    State(state): State<AppState>,
    from: ClientAddress,
    Path(address): Path<String>,
) -> Result<Json<ChainBalances>> {
    let asking = Asking::new(&state, from)?;
    let account: Address = address.parse().map_err(|error| limits::invalid("address", error))?;
    let port = asking.port();
    let balances = asking.balances(account).await?.into_iter().filter_map(|held| {
        // A token that the settings do not name has no symbol.
        let (currency, decimals) = price::currency(port.terms(), held.token)?;
        let withdraw = ContractCall::Withdraw { token: held.token, to: None };
        Some(ChainBalance {
            token: held.token.map(String::from),
            currency,
            decimals,
            available: held.available.to_string(),
            unsettled_fees: held.unsettled_fees.to_string(),
            withdraw: view::call(port, &withdraw),
        })
    });
    Ok(Json(ChainBalances { balances: balances.collect() }))
}
