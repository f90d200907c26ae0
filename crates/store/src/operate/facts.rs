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
        mail: false,
        passkeys: suits_passkeys(&state.origin),
        wallet_sign_in: false,
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

/// Browsers make passkeys for names alone, and where nobody can listen.
fn suits_passkeys(origin: &str) -> bool {
    let Ok(url) = url::Url::parse(origin) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => {
            url.scheme() == "https" || name == "localhost" || name.ends_with(".localhost")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_offered_where_browsers_make_them() {
        for (origin, suits) in [
            ("https://store.example", true),
            ("http://localhost:8080", true),
            ("http://store.example", false),
            ("https://192.0.2.1", false),
            ("http://127.0.0.1:8080", false),
            ("https://[2001:db8::1]", false),
        ] {
            assert_eq!(suits_passkeys(origin), suits, "{origin}");
        }
    }
}
