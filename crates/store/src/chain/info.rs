//! `GET /api/v1/chain`.

use axum::Json;
use axum::extract::State;
use futures::join;
use sea_orm::EntityTrait;
use sealpost_accounts::extract::ClientAddress;
use sealpost_api::Problem;
use sealpost_api::chain::{ChainCoin, ChainInfo, ChainToken};
use sealpost_market::chain::network;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::archive;
use super::port::ChainTerms;
use super::questions::Asking;
use crate::fault::Result;
use crate::schema::chain_cursor;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// The chain this store sells on, and how far it has read it. Answers while the chain cannot be reached, too.
#[utoipa::path(get, path = "/api/v1/chain", tag = "chain", responses(
    (status = 200, body = ChainInfo),
    (status = 404, body = Problem, description = "`chain_not_configured`"),
))]
async fn show(State(state): State<AppState>, from: ClientAddress) -> Result<Json<ChainInfo>> {
    let asking = Asking::new(&state, from)?;
    let warning = async { Ok(archive::warning(&state).await) };
    let (fee_bps, treasury, warning) =
        join!(asking.soon(asking.fee_bps()), asking.soon(asking.treasury()), asking.soon(warning));
    let treasury = treasury.map(String::from);
    let warnings = warning.flatten().into_iter().collect();
    let info = ChainInfo { fee_bps, treasury, warnings, ..of_terms(asking.port().terms()) };
    let source = super::source(asking.port().terms());
    let Some(cursor) = chain_cursor::Entity::find_by_id(source).one(state.db.read()).await? else {
        return Ok(Json(info));
    };
    Ok(Json(ChainInfo {
        caught_up: cursor.caught_up,
        block: u64::try_from(cursor.block_number).ok().filter(|_| cursor.block_hash.is_some()),
        latest: Some(cursor.latest.unsigned_abs()).filter(|latest| *latest > 0),
        error: cursor.error,
        ..info
    }))
}

fn of_terms(terms: &ChainTerms) -> ChainInfo {
    let tokens = terms.tokens.iter().map(|token| ChainToken {
        symbol: token.symbol.to_string(),
        address: token.address.to_string(),
        decimals: token.decimals,
    });
    ChainInfo {
        chain_id: terms.chain_id,
        name: network(terms.chain_id).map(|network| network.name.to_owned()),
        contract: terms.contract.to_string(),
        coin: ChainCoin { symbol: terms.coin.symbol.to_string(), decimals: terms.coin.decimals },
        tokens: tokens.collect(),
        from_block: terms.from_block,
        finality: terms.finality.clone(),
        explorer: terms.explorer.clone(),
        ..ChainInfo::default()
    }
}
