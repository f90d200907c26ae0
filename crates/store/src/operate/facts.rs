//! `GET /api/v1/store`.

use axum::Json;
use axum::extract::State;
use sealpost_api::operate::{StoreChain, StoreFacts};
use sealpost_market::chain::network;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::Result;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What everybody may know of this store.
#[utoipa::path(get, path = "/api/v1/store", tag = "store", responses((status = 200, body = StoreFacts)))]
async fn show(State(state): State<AppState>) -> Result<Json<StoreFacts>> {
    let settings = state.settings.get();
    let chain = state.chain.as_deref().map(|port| port.terms().chain_id);
    let chain = chain.map(|chain_id| StoreChain {
        chain_id,
        name: network(chain_id).map(|network| network.name.to_owned()),
    });
    Ok(Json(StoreFacts {
        name: settings.name.clone(),
        first_run: !state.accounts.has_operator().await?,
        registration: settings.registration,
        mail: state.mail.is_some(),
        passkeys: state.accounts.takes_passkeys(),
        wallet_sign_in: true,
        chain,
        fee_bps: settings.fee_bps,
        currency: said(&settings.currency),
        max_upload_bytes: settings.upload_bytes,
        contact: said(&settings.contact),
        terms: said(&settings.terms),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

fn said(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
