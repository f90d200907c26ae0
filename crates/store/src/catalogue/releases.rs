//! `/api/v1/releases`: looking at releases, and taking them back.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::{ApiError, UserAuth};
use sealpost_api::Problem;
use sealpost_api::catalogue::{Release, ReleaseChanges, VaultKey};
use sealpost_database::clock::rfc3339;
use sealpost_market::{Party, ReleaseState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path};
use crate::limits;
use crate::schema::release;
use crate::schema::value::{name, named};
use crate::state::AppState;

/// Texts of a manifest that pages of the catalogue show, and how much of each.
const SHOWN: [&str; 3] = ["name", "type", "description"];
const SHOWN_MAX: usize = 300;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change)).routes(routes!(yank)).routes(routes!(vault_key))
}

/// Releases of these listings, newest first. Only the newest active one of each listing has its manifest: all of them would be any
/// number of times 64 KiB.
pub(crate) async fn of(db: &impl ConnectionTrait, listings: &[String]) -> Result<Vec<release::Model>> {
    if listings.is_empty() {
        return Ok(Vec::new());
    }
    let columns = release::Column::iter().filter(|column| !matches!(column, release::Column::Manifest));
    let select = release::Entity::find()
        .select_only()
        .columns(columns)
        .column_as(Expr::value(None::<String>), "manifest")
        .filter(release::Column::Listing.is_in(listings))
        .order_by_desc(release::Column::CreatedAt)
        .order_by_desc(release::Column::Id);
    let mut rows = select.all(db).await?;
    let mut seen = HashSet::new();
    let newest = rows
        .iter()
        .filter(|row| row.cid.is_some() && row.state == "active" && seen.insert(row.listing.as_str()))
        .map(|row| row.id.as_str());
    let newest: Vec<_> = newest.collect();
    if newest.is_empty() {
        return Ok(rows);
    }
    let manifests = release::Entity::find()
        .select_only()
        .columns([release::Column::Id, release::Column::Manifest])
        .filter(release::Column::Id.is_in(newest))
        .into_tuple::<(String, Option<String>)>();
    let mut manifests: HashMap<_, _> = manifests.all(db).await?.into_iter().collect();
    for row in &mut rows {
        row.manifest = manifests.remove(&row.id).flatten();
    }
    Ok(rows)
}

/// As pages of the catalogue show a release: of its manifest, what people read first.
pub(crate) fn in_short(row: &release::Model) -> Result<Release> {
    let mut release = to_api(row)?;
    release.manifest = release.manifest.map(|manifest| {
        let shown = manifest.into_iter().filter(|(name, _)| SHOWN.contains(&name.as_str()));
        shown.filter_map(|(name, value)| Some((name, cut(value.as_str()?).into()))).collect()
    });
    Ok(release)
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

pub(crate) fn to_api(row: &release::Model) -> Result<Release> {
    Ok(Release {
        id: row.id.clone(),
        listing: row.listing.clone(),
        version: row.version.clone(),
        state: row.state.clone(),
        cipher: row.cipher.clone(),
        plain_size: row.plain_size.unsigned_abs(),
        blob_size: row.blob_size.unsigned_abs(),
        blob_sha256: row.blob_sha256.clone(),
        preview: serde_json::from_str(&row.preview)?,
        cid: row.cid.clone(),
        manifest: row.manifest.as_deref().map(serde_json::from_str).transpose()?,
        signature: row.signature.clone(),
        publisher_key: row.publisher_key.clone(),
        plain_sha256: row.cid.is_some().then(|| row.plain_sha256.clone()),
        notes: row.notes.clone(),
        created_at: rfc3339(row.created_at),
    })
}

/// Look at one release.
#[utoipa::path(get, path = "/api/v1/releases/{id}", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, body = Release),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    Path(id): Path<String>,
) -> Result<axum::Json<Release>> {
    let row = release::Entity::find_by_id(&id).one(state.db.read()).await?;
    let row = row.ok_or_else(|| Fault::not_found("release"))?;
    let listing = super::find_listing(state.db.read(), &row.listing).await?;
    super::check_shown(state.db.read(), &listing, &user).await.map_err(|_| Fault::not_found("release"))?;
    to_api(&row).map(axum::Json)
}

/// Take a release back: new jobs and devices take another one. Those who bought it can still name it.
#[utoipa::path(post, path = "/api/v1/releases/{id}/yank", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, body = Release),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn yank(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<axum::Json<Release>> {
    apply(&state, user, id, Changes { state: Some(ReleaseState::Yanked), notes: None }).await.map(axum::Json)
}

/// Take a release back (`yanked`), give it again (`active`), or say something else of it.
#[utoipa::path(patch, path = "/api/v1/releases/{id}", tag = "catalogue", params(("id" = String, Path)),
    request_body = ReleaseChanges, responses(
    (status = 200, body = Release),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn change(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Body(changes): Body<ReleaseChanges>,
) -> Result<axum::Json<Release>> {
    let to = changes.state.as_deref().map(named).transpose();
    let changes = Changes {
        state: to.map_err(|_| limits::invalid("state", "it is `active` or `yanked`"))?,
        notes: changes.notes.as_deref().map(limits::notes).transpose()?,
    };
    apply(&state, user, id, changes).await.map(axum::Json)
}

/// What changes of a release.
#[derive(Clone)]
struct Changes {
    state: Option<ReleaseState>,
    notes: Option<String>,
}

async fn apply(state: &AppState, user: UserAuth, id: String, changes: Changes) -> Result<Release> {
    let shared = state.clone();
    state
        .db
        .write(move |tx| {
            let (state, user, id, changes) = (shared.clone(), user.clone(), id.clone(), changes.clone());
            Box::pin(async move {
                let row = release::Entity::find_by_id(&id).one(tx).await?;
                let mut row = row.ok_or_else(|| Fault::not_found("release"))?;
                super::owned_listing(tx, &row.listing, &user).await?;
                let by = if user.0.operator { Party::Operator } else { Party::Publisher };
                let to = changes.state.map_or_else(|| named(&row.state), Ok)?;
                let (changed, facts) = row.to_market()?.change_state(to, by)?;
                row.state = name(&changed.state)?;
                row.notes = changes.notes.unwrap_or(row.notes);
                let change = release::ActiveModel {
                    state: Set(row.state.clone()),
                    notes: Set(row.notes.clone()),
                    ..Default::default()
                };
                release::Entity::update_many()
                    .set(change)
                    .filter(release::Column::Id.eq(&id))
                    .exec(tx)
                    .await?;
                super::shelf::releases_changed(tx, &row.listing).await?;
                let now = state.clock.now_ms();
                crate::facts::record(tx, now, &user.actor(), &format!("release:{id}"), &facts)?;
                tx.after_commit(move || state.pages.clear());
                to_api(&row)
            })
        })
        .await
}

/// The key that publishers who seal on their own side send content keys to.
#[utoipa::path(get, path = "/api/v1/vault-key", tag = "publish", responses((status = 200, body = VaultKey)))]
async fn vault_key(State(state): State<AppState>) -> axum::Json<VaultKey> {
    axum::Json(VaultKey { curve: "x25519".to_owned(), public_key: hex::encode(state.vault_secret.public()) })
}
