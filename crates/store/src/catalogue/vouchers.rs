//! `/api/v1/vouchers`.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::{EntityTrait, IntoActiveModel};
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::{NewVoucher, Voucher};
use sealpost_database::clock::{parse_rfc3339, rfc3339};
use sealpost_market::VoucherCode;
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::Result;
use crate::http::body::Body;
use crate::http::once::{Answer, Once, once};
use crate::schema::value::stored;
use crate::schema::voucher;
use crate::state::AppState;
use crate::{limits, random};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// How a code is kept.
pub(crate) fn code_hash(code: &VoucherCode) -> String {
    hex::encode(Sha256::digest(code.expose().as_bytes()))
}

/// Make a voucher for a listing of your own; its code is shown once.
#[utoipa::path(post, path = "/api/v1/vouchers", tag = "catalogue", request_body = NewVoucher, responses(
    (status = 201, body = Voucher),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn create(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<NewVoucher>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "vouchers", &new)?;
    let code = VoucherCode::generate(&random::bytes()?);
    let expires_at = match &new.expires_at {
        Some(text) => {
            Some(parse_rfc3339(text).ok_or_else(|| limits::invalid("expires_at", "it is no RFC 3339 time"))?)
        }
        None => None,
    };
    let row = voucher::Model {
        id: code_hash(&code),
        listing: new.listing.clone(),
        uses_left: stored(limits::prints(new.uses.unwrap_or(1))?),
        prints: new.prints.map(limits::prints).transpose()?.map(stored),
        expires_at,
        created_at: state.clock.now_ms(),
    };
    once(&state, request, StatusCode::CREATED, move |tx| {
        let (row, user, code) = (row.clone(), user.clone(), code.clone());
        Box::pin(async move {
            let listing = super::owned_listing(tx, &row.listing, &user).await?.to_market()?;
            let row = voucher::Model { listing: listing.id.to_string(), ..row };
            voucher::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
            let subject = format!("listing:{}", row.listing);
            let details = serde_json::json!({"uses": row.uses_left, "prints": row.prints});
            audit::record(tx, row.created_at, &user.actor(), "voucher.created", &subject, details).await?;
            Ok(Voucher {
                code: grouped(code.expose()),
                listing: row.listing,
                prints: row.prints.map_or(listing.terms.prints, crate::schema::value::count),
                uses_left: crate::schema::value::count(row.uses_left),
                expires_at: row.expires_at.map(rfc3339),
            })
        })
    })
    .await
}

/// Four characters and a dash, for people who type it.
fn grouped(code: &str) -> String {
    code.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}
