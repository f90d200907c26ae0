//! `GET /api/v1/listings/{id}/payment`.

use axum::Json;
use axum::extract::State;
use sealpost_accounts::{ApiError, UserAuth};
use sealpost_api::Problem;
use sealpost_api::webhook::{PaymentWay, PaymentWays};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sources_of;
use crate::catalogue::find_listing;
use crate::fault::Result;
use crate::http::body::Path;
use crate::sellers;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How a listing can be paid for.
#[utoipa::path(get, path = "/api/v1/listings/{id}/payment", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = PaymentWays),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: std::result::Result<UserAuth, ApiError>,
    Path(id): Path<String>,
) -> Result<Json<PaymentWays>> {
    let db = state.db.read();
    let listing = find_listing(db, &id).await?;
    let mut ways = PaymentWays::default();
    let mut add = |method: &str| ways.methods.push(method.to_owned());
    if listing.price_amount.is_none() {
        add("free");
    } else {
        let sources = sources_of(db, &listing).await?;
        if !sources.is_empty() {
            add("external");
        }
        add("marked_paid");
        let way = |row: crate::schema::payment_source::Model| PaymentWay {
            has_checkout: row.checkout_url.is_some(),
            id: row.id,
            name: row.name,
        };
        // How somebody is reached is for those who order, and not for whoever reads the catalogue.
        if user.is_ok() {
            ways.how_to_pay = sellers::how_to_pay(db, &listing.publisher).await?;
        }
        ways.sources = sources.into_iter().map(way).collect();
    }
    let mut add = |method: &str| ways.methods.push(method.to_owned());
    add("voucher");
    if listing.payout.is_some() && state.chain.is_some() {
        add("chain");
    }
    Ok(Json(ways))
}
