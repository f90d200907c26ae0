//! Sealed blobs of plugins. They are public: nobody opens one without an envelope.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_api::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::{Fault, Result};
use crate::http::body::Path;
use crate::http::sealed::{Sealed, send};
use crate::schema::release;
use crate::state::AppState;

/// Blobs never change once written.
const CACHE: &str = "public, max-age=31536000, immutable, no-transform";

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(by_release)).routes(routes!(by_cid))
}

/// Where the blob of a release is.
pub(crate) fn path(release: &str) -> String {
    format!("/api/v1/releases/{release}/blob")
}

/// Download the sealed blob of a plugin, whole or in part.
#[utoipa::path(get, path = "/api/v1/releases/{id}/blob", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, content_type = "application/octet-stream", description = "The blob"),
    (status = 206, content_type = "application/octet-stream", description = "A part of it"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 416, body = Problem, description = "`range_not_satisfiable`"),
))]
async fn by_release(
    State(state): State<AppState>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response> {
    let row = release::Entity::find_by_id(id).one(state.db.read()).await?;
    answer(&state, &headers, row).await
}

/// Download the sealed blob of a plugin by its CID, as from an IPFS gateway.
#[utoipa::path(get, path = "/ipfs/{cid}", tag = "catalogue", params(("cid" = String, Path)), responses(
    (status = 200, content_type = "application/octet-stream", description = "The blob"),
    (status = 206, content_type = "application/octet-stream", description = "A part of it"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 416, body = Problem, description = "`range_not_satisfiable`"),
))]
async fn by_cid(
    State(state): State<AppState>,
    headers: HeaderMap,
    Path(cid): Path<String>,
) -> Result<Response> {
    let select = release::Entity::find().filter(release::Column::Cid.eq(cid));
    let row = select.one(state.db.read()).await?;
    answer(&state, &headers, row).await
}

/// Those of G-code have no CID and are for printers alone.
async fn answer(state: &AppState, headers: &HeaderMap, row: Option<release::Model>) -> Result<Response> {
    let row = row.filter(|row| row.cid.is_some()).ok_or_else(|| Fault::not_found("plugin"))?;
    let blob = Sealed {
        name: &row.blob,
        size: row.blob_size.unsigned_abs(),
        sha256: &row.blob_sha256,
        cache: CACHE,
    };
    send(state, headers, blob).await
}
