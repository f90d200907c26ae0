//! `/api/v1/licences/{id}/bundle`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::marketplace::PluginBundle;
use sealpost_database::Tx;
use sealpost_market::Version;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::give::{self, Given};
use super::query::BundleQuery;
use crate::fault::{Fault, Result};
use crate::http::body::{Path, Query};
use crate::purchases::find_licence;
use crate::schema::value::to_timestamp;
use crate::schema::{device, licence, listing, release};
use crate::state::AppState;
use crate::{facts, limits};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(bundle))
}

/// Get what opens a plugin on a device of yours: the newest release that the licence covers, its key wrapped anew if need be.
#[utoipa::path(get, path = "/api/v1/licences/{id}/bundle", tag = "buy",
    params(("id" = String, Path), BundleQuery), responses(
    (status = 200, body = PluginBundle),
    (status = 402, body = Problem, description = "`release_not_covered`"),
    (status = 403, body = Problem, description = "`licence_inactive`"),
    (status = 404, body = Problem, description = "`not_found`, `no_release`"),
    (status = 410, body = Problem, description = "`licence_expired`, `release_yanked`"),
    (status = 422, body = Problem, description = "`no_devices`, `which_device`"),
))]
async fn bundle(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Query(query): Query<BundleQuery>,
) -> Result<Json<PluginBundle>> {
    let version = query.version.as_deref().map(str::parse).transpose();
    let wanted = Wanted {
        licence: id,
        device: query.device,
        version: version.map_err(|error| limits::invalid("version", error))?,
    };
    let found = look(&state, state.db.read(), &user, &wanted).await?;
    if let Some(given) = found.given {
        return Ok(Json(to_api(&found.listing, &found.device, &given)?));
    }
    let shared = Arc::new((state.clone(), user, wanted));
    let bundle = state.db.write(move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, wanted) = &*shared;
            give_anew(state, tx, user, wanted).await
        })
    });
    bundle.await.map(Json)
}

/// A plugin's bundle for the device that was given its key.
pub(crate) fn to_api(
    listing: &listing::Model,
    device: &device::Model,
    given: &Given,
) -> Result<PluginBundle> {
    let Given { release, envelope } = given;
    let plugin_id = listing.plugin_id.clone();
    Ok(PluginBundle {
        plugin_id: plugin_id.ok_or_else(|| Fault::internal("a plugin without a plugin id"))?,
        version: release.version.clone(),
        manifest: release.manifest.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
        cid: release.cid.clone().filter(|_| release.signed_cid),
        wasm_hash: release.plain_sha256.clone(),
        domain_wrapped_keys: Vec::new(),
        buyer_wrapped_keys: vec![envelope.clone()],
        publisher: release.publisher_key.clone(),
        signature: release.signature.clone(),
        blob_url: super::blob::path(&release.id),
        blob_sha256: release.blob_sha256.clone(),
        blob_size: release.blob_size.unsigned_abs(),
        licence: device.licence.clone(),
        device: device.id.clone(),
        release: release.id.clone(),
    })
}

/// Which bundle.
#[derive(Debug)]
struct Wanted {
    licence: String,
    device: Option<String>,
    version: Option<Version>,
}

struct Found {
    held: licence::Model,
    listing: listing::Model,
    device: device::Model,
    release: release::Model,
    given: Option<Given>,
}

async fn look(
    state: &AppState,
    db: &impl ConnectionTrait,
    user: &UserAuth,
    wanted: &Wanted,
) -> Result<Found> {
    let held = find_licence(db, &wanted.licence).await?;
    if held.holder != user.id().as_str() {
        return Err(Fault::not_found("licence"));
    }
    held.to_market()?.check_active(to_timestamp(state.clock.now_ms()))?;
    let (listing, releases) = give::offered(db, &held.listing).await?;
    let release = give::pick(db, &held, &releases, wanted.version.as_ref()).await?.clone();
    let device = device_of(db, &held, wanted.device.as_deref()).await?;
    let given = give::earlier(db, &device, &release).await?;
    Ok(Found { held, listing, device, release, given })
}

async fn device_of(
    db: &impl ConnectionTrait,
    held: &licence::Model,
    wanted: Option<&str>,
) -> Result<device::Model> {
    let mut select = device::Entity::find().filter(device::Column::Licence.eq(&held.id)).limit(2);
    if let Some(id) = wanted {
        select = select.filter(device::Column::Id.eq(id));
    }
    let mut rows = select.all(db).await?;
    match (rows.pop(), rows.is_empty()) {
        (Some(device), true) => Ok(device),
        (None, _) if wanted.is_some() => Err(Fault::not_found("device")),
        (found, _) => Err(Problem::new(422, "which_device", "It is not clear which device is meant")
            .detail(if found.is_some() { "The licence has several." } else { "The licence has none yet." })
            .hint("Send `device`; `POST /api/v1/licences/{id}/devices` registers one.")
            .into()),
    }
}

async fn give_anew(state: &AppState, tx: &Tx, user: &UserAuth, wanted: &Wanted) -> Result<PluginBundle> {
    let Found { held, listing, device, release, given } = look(state, tx, user, wanted).await?;
    if let Some(given) = given {
        return to_api(&listing, &device, &given);
    }
    let (licence, wrapped, given) =
        give::wrap(state, tx, held.to_market()?, &listing, &device, &release).await?;
    held.save(tx, &licence).await?;
    let now = state.clock.now_ms();
    facts::record(tx, now, &user.actor(), &format!("licence:{}", held.id), &wrapped)?;
    to_api(&listing, &device, &given)
}
