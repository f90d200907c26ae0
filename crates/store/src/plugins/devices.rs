//! `/api/v1/licences/{id}/devices`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sealpost_accounts::{Actor, UserAuth};
use sealpost_api::Problem;
use sealpost_api::purchase::{Device, DeviceResponse, Recipient};
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use sealpost_market::Version;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::give::{self, Given};
use super::recipient;
use crate::facts;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path};
use crate::http::once::{Answer, Once, once};
use crate::purchases::find_licence;
use crate::schema::device::{Column, Entity, Model, Wanted};
use crate::schema::licence;
use crate::schema::value::to_timestamp;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(add))
}

/// Register a device of yours and get the plugin's key for it. The same key again is the same device and counts nothing.
#[utoipa::path(post, path = "/api/v1/licences/{id}/devices", tag = "buy", params(("id" = String, Path)),
    request_body = Recipient, responses(
    (status = 201, body = DeviceResponse),
    (status = 402, body = Problem, description = "`release_not_covered`"),
    (status = 403, body = Problem, description = "`licence_inactive`"),
    (status = 404, body = Problem, description = "`not_found`, `no_release`"),
    (status = 409, body = Problem, description = "`device_limit`"),
    (status = 410, body = Problem, description = "`licence_expired`, `release_yanked`"),
    (status = 422, body = Problem, description = "`envelope_public_key`, `envelope_unknown_curve`, `no_devices`"),
))]
async fn add(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
    Body(new): Body<Recipient>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "licences/devices", &(&id, &new))?;
    let wanted = recipient::read(&new)?;
    let shared = Arc::new((state.clone(), user, id, wanted));
    once(&state, request, StatusCode::CREATED, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id, wanted) = &*shared;
            let held = find_licence(tx, id).await?;
            if held.holder != user.id().as_str() {
                return Err(Fault::not_found("licence"));
            }
            let (device, given) = register(state, tx, &held, wanted, None, &user.actor()).await?;
            Ok(DeviceResponse { device: to_api(&device), envelope: given.envelope, cid: given.release.cid })
        })
    })
    .await
}

/// Counts a device of a licence, if it is new, and gives it the release that is named; else the newest, or the newest that the
/// licence had.
pub(crate) async fn register(
    state: &AppState,
    tx: &Tx,
    held: &licence::Model,
    wanted: &Wanted,
    version: Option<&Version>,
    actor: &Actor,
) -> Result<(Model, Given)> {
    let now = state.clock.now_ms();
    let known = of_licences(tx, &[&held.id]).await?.remove(&held.id).unwrap_or_default();
    let rules = known.iter().map(Model::to_market).collect::<Result<Vec<_>>>()?;
    let step = held.to_market()?.register_device(&rules, wanted.device.clone(), to_timestamp(now))?;
    let same = known.into_iter().find(|row| !step.fresh && row.id == step.device.id.as_str());
    let device = same.unwrap_or_else(|| Model::new(wanted, &held.id, now));
    let (listing, releases) = give::offered(tx, &held.listing).await?;
    let release = match version {
        Some(_) => give::pick(tx, held, &releases, version).await?,
        None => give::pick_for_device(tx, held, &releases).await?,
    };
    if !step.fresh
        && let Some(given) = give::earlier(tx, &device, release).await?
    {
        return Ok((device, given));
    }
    let (licence, wrapped, given) = give::wrap(state, tx, step.licence, &listing, &device, release).await?;
    held.save(tx, &licence).await?;
    if step.fresh {
        tx.insert_later(device.clone().into_active_model());
    }
    let all: Vec<_> = step.facts.into_iter().chain(wrapped).collect();
    facts::record(tx, now, actor, &format!("licence:{}", held.id), &all)?;
    Ok((device, given))
}

/// The devices of licences, oldest first.
pub(crate) async fn of_licences(
    db: &impl ConnectionTrait,
    licences: &[&str],
) -> Result<HashMap<String, Vec<Model>>> {
    let mut found: HashMap<String, Vec<Model>> = HashMap::new();
    if licences.is_empty() {
        return Ok(found);
    }
    let select = Entity::find()
        .filter(Column::Licence.is_in(licences.iter().copied()))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id);
    for row in select.all(db).await? {
        found.entry(row.licence.clone()).or_default().push(row);
    }
    Ok(found)
}

pub(crate) fn to_api(row: &Model) -> Device {
    Device {
        id: row.id.clone(),
        curve: row.curve.clone(),
        public_key: row.public_key.clone(),
        name: row.name.clone(),
        index: row.key_index.and_then(|index| u32::try_from(index).ok()),
        created_at: rfc3339(row.created_at),
    }
}
