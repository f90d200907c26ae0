//! Purchases on an EVM chain: the port to it, and what people ask about it.

mod accept;
pub(crate) mod archive;
mod asked;
mod balances;
pub(crate) mod bell;
mod info;
pub(crate) mod keys;
pub(crate) mod named;
pub(crate) mod offers;
mod pace;
pub(crate) mod payments;
mod payout;
pub(crate) mod pending;
mod port;
pub(crate) mod price;
mod query;
pub(crate) mod questions;
mod read;
pub(crate) mod refund;
mod refunds;
mod reorg;
mod sale;
mod sales;
pub(crate) mod settle;
mod unheard;
pub(crate) mod view;
mod wallet;
pub(crate) mod watch;

use sealpost_api::Problem;
use utoipa_axum::router::OpenApiRouter;

use crate::Error;
use crate::fault::Result;
use crate::state::AppState;

pub use port::{ChainBalance, ChainFault, ChainListing, ChainPort, ChainTerms, CoinTerms, Heads, TokenTerms};
pub(crate) use questions::Questions;
pub use sealpost_market::chain::{CallData, ContractCall};

/// The chain this store sells on.
///
/// # Errors
/// `chain_not_configured`.
pub(crate) fn port(state: &AppState) -> Result<&dyn ChainPort> {
    state.chain.as_deref().ok_or_else(|| {
        Problem::new(404, "chain_not_configured", "This store is connected to no chain")
            .detail("Nothing is sold for coin or tokens here.")
            .hint("Buy with another way of paying; operators connect a chain by `[chain]` in the settings.")
            .into()
    })
}

/// Whether prices mean the same on the chain as in the store: amounts are minor units of either.
pub(crate) fn check(terms: &ChainTerms) -> Result<(), Error> {
    let tokens = terms.tokens.iter().map(|token| (&token.symbol, token.decimals));
    for (symbol, decimals) in tokens.chain([(&terms.coin.symbol, terms.coin.decimals)]) {
        if symbol.decimals() != usize::from(decimals) {
            let reason =
                format!("{symbol} has {} decimals in prices and {decimals} there", symbol.decimals());
            return Err(Error::Config { setting: "chain", reason });
        }
    }
    Ok(())
}

/// The name of a contract on a chain, in tables.
pub(crate) fn source(terms: &ChainTerms) -> String {
    format!("{}:{}", terms.chain_id, terms.contract)
}

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(info::router())
        .merge(balances::router())
        .merge(payout::router())
        .merge(sale::router())
        .merge(sales::router())
        .merge(accept::router())
        .merge(keys::router())
}
