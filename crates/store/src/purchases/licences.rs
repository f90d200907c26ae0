//! `/api/v1/licences`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::purchase::{Licence, LicenceList};
use sealpost_database::clock::rfc3339;
use sealpost_market::{LicenceState, ListingKind, Party};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::LicenceQuery;
use super::shown;
use crate::catalogue::{find_listing, owned_listing};
use crate::fault::{Fault, Result};
use crate::http::body::{Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::http::page::PageQuery;
use crate::plugins::{device_to_api, devices_of};
use crate::schema::value::count;
use crate::schema::{device, licence, listing};
use crate::state::AppState;
use crate::{facts, happenings, jobs};

/// Licences shown at most.
const MOST: u64 = 1000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(revoke))
}

/// The row of a licence.
pub(crate) async fn find(db: &impl ConnectionTrait, id: &str) -> Result<licence::Model> {
    let row = licence::Entity::find_by_id(id).one(db).await?;
    row.ok_or_else(|| Fault::not_found("licence"))
}

/// A licence as it travels; a plugin's with its devices.
pub(crate) fn to_api(
    row: &licence::Model,
    listing: Option<&listing::Model>,
    devices: &[device::Model],
) -> Licence {
    let is_plugin = row.kind == ListingKind::Plugin.as_str();
    let prints = |column| if is_plugin { 0 } else { count(column) };
    Licence {
        id: row.id.clone(),
        listing: row.listing.clone(),
        title: listing.map(|listing| listing.title.clone()).unwrap_or_default(),
        purchase: row.purchase.clone(),
        state: shown_state(row),
        prints_allowed: prints(row.allowed),
        prints_used: prints(row.used),
        prints_reserved: prints(row.reserved),
        kind: row.kind.clone(),
        expires_at: row.expires_at.map(rfc3339),
        covers: row.covers.clone(),
        plugin_id: listing.and_then(|listing| listing.plugin_id.clone()),
        publisher_key: row.publisher_key.clone(),
        holder: None,
        devices_allowed: is_plugin.then(|| count(row.allowed)),
        devices: is_plugin.then(|| devices.iter().map(device_to_api).collect()),
        publisher_name: None,
        newest: None,
        picture: None,
        created_at: rfc3339(row.created_at),
    }
}

/// Your licences, newest first; with `listing` those that others have for a listing of yours.
#[utoipa::path(get, path = "/api/v1/licences", tag = "buy", params(LicenceQuery), responses(
    (status = 200, body = LicenceList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`not_your_listing`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<LicenceQuery>,
) -> Result<Json<LicenceList>> {
    let db = state.db.read();
    if let Some(listing) = &query.listing {
        return sold(db, &owned_listing(db, listing, &user).await?, &query).await.map(Json);
    }
    let rows = licence::Entity::find()
        .filter(licence::Column::Holder.eq(user.id().as_str()))
        .order_by_desc(licence::Column::CreatedAt)
        .order_by_desc(licence::Column::Id)
        .limit(MOST)
        .all(db)
        .await?;
    let ids: Vec<_> = rows.iter().map(|row| row.listing.as_str()).collect();
    let listings: HashMap<String, listing::Model> = listing::Entity::find()
        .filter(listing::Column::Id.is_in(ids))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id.clone(), row))
        .collect();
    let devices = devices_of_all(db, &rows).await?;
    let shown = |row: &licence::Model| {
        to_api(row, listings.get(&row.listing), devices.get(&row.id).map_or(&[], Vec::as_slice))
    };
    let mut licences: Vec<_> = rows.iter().map(shown).collect();
    shown::fill(db, &listings, &mut licences).await?;
    Ok(Json(LicenceList { licences, next: None }))
}

/// What was sold of a listing.
async fn sold(
    db: &impl ConnectionTrait,
    listing: &listing::Model,
    query: &LicenceQuery,
) -> Result<LicenceList> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let mut rows = licence::Entity::find()
        .filter(licence::Column::Listing.eq(&listing.id))
        .filter(page.condition(licence::Column::CreatedAt, licence::Column::Id)?)
        .order_by_desc(licence::Column::CreatedAt)
        .order_by_desc(licence::Column::Id)
        .limit(page.limit() + 1)
        .all(db)
        .await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let mut devices = devices_of_all(db, &rows).await?;
    devices.values_mut().flatten().for_each(keep_to_buyer);
    let shown = |row: &licence::Model| Licence {
        holder: Some(row.holder.clone()),
        ..to_api(row, Some(listing), devices.get(&row.id).map_or(&[], Vec::as_slice))
    };
    Ok(LicenceList { licences: rows.iter().map(shown).collect(), next })
}

/// What buyers call their devices, and which key of a wallet each is, no seller needs to know.
pub(crate) fn keep_to_buyer(device: &mut device::Model) {
    (device.name, device.key_index) = (None, None);
}

async fn devices_of_all(
    db: &impl ConnectionTrait,
    rows: &[licence::Model],
) -> Result<HashMap<String, Vec<device::Model>>> {
    let plugins = rows.iter().filter(|row| row.kind == ListingKind::Plugin.as_str());
    devices_of(db, &plugins.map(|row| row.id.as_str()).collect::<Vec<_>>()).await
}

/// One of your licences.
#[utoipa::path(get, path = "/api/v1/licences/{id}", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = Licence),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<Licence>> {
    let row = find(state.db.read(), &id).await?;
    if row.holder != user.id().as_str() && !user.0.operator {
        return Err(Fault::not_found("licence"));
    }
    let listing = find_listing(state.db.read(), &row.listing).await?;
    let mut devices = devices_of(state.db.read(), &[&row.id]).await?.remove(&row.id).unwrap_or_default();
    if row.holder != user.id().as_str() {
        devices.iter_mut().for_each(keep_to_buyer);
    }
    let mut licence = to_api(&row, Some(&listing), &devices);
    let listings = HashMap::from([(listing.id.clone(), listing)]);
    shown::fill(state.db.read(), &listings, std::slice::from_mut(&mut licence)).await?;
    Ok(Json(licence))
}

/// Revoke a licence of your listing for good: it gives no key any more, and its waiting jobs are cancelled. Keys that are out stay out.
#[utoipa::path(post, path = "/api/v1/licences/{id}/revoke", tag = "sell", params(("id" = String, Path)), responses(
    (status = 200, body = Licence),
    (status = 403, body = Problem, description = "`not_allowed`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn revoke(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "licences/revoke", &id)?;
    let shared = Arc::new((state.clone(), user, id));
    once(&state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id) = &*shared;
            let held = find(tx, id).await?;
            let listing = find_listing(tx, &held.listing).await?;
            let by = party(&held, &listing, user)?;
            let (licence, facts) = held.to_market()?.change_state(LicenceState::Revoked, by)?;
            if !facts.is_empty() {
                held.save(tx, &licence).await?;
                let now = state.clock.now_ms();
                facts::record(tx, now, &user.actor(), &format!("licence:{id}"), &facts)?;
                happenings::of_licence(tx, now, &listing, &held, &facts)?;
                jobs::cancel_waiting(&state.hub, tx, id, &user.actor(), now).await?;
            }
            let mut devices = devices_of(tx, &[id]).await?.remove(id).unwrap_or_default();
            devices.iter_mut().for_each(keep_to_buyer);
            Ok(to_api(&find(tx, id).await?, Some(&listing), &devices))
        })
    })
    .await
}

/// A licence whose payment does not stand looks like one that was taken away.
fn shown_state(row: &licence::Model) -> String {
    let rules = row.to_market();
    rules.map_or_else(|_| row.state.clone(), |licence| licence.shown_state().as_str().to_owned())
}

/// As what this person sees a licence.
fn party(held: &licence::Model, listing: &listing::Model, user: &UserAuth) -> Result<Party> {
    let me = user.id().as_str();
    match () {
        () if user.0.operator => Ok(Party::Operator),
        () if listing.publisher == me => Ok(Party::Publisher),
        () if held.holder == me => Ok(Party::Buyer),
        () => Err(Fault::not_found("licence")),
    }
}
