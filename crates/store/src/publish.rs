//! `POST /api/v1/releases`: uploads, sealed while they stream or on the publisher's side.

mod form;
mod ingest;
mod plugin;
mod preview;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use http::{HeaderMap, StatusCode, header};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, SqlErr};
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::{NewRelease, Release};
use sealpost_database::Tx;
use sealpost_envelope::content::WHOLE_LIMIT;
use sealpost_faults::point;
use sealpost_market::chain::{ChainHash, item_id, item_text};
use sealpost_market::{ListingKind, ListingState, ReleaseId, Version};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::blobs::pending;
use crate::catalogue::{find_listing, owned_listing, release_to_api, shelf};
use crate::fault::{Fault, Result};
use crate::http::once::{Answer, Once};
use crate::operate::quotas;
use crate::schema::value::named;
use crate::schema::{release, thumbnail};
use crate::state::AppState;
use crate::vault::{self, Sealed};
use crate::{happenings, limits, points, random};
use ingest::Ingested;
use plugin::Said;

pub(crate) use ingest::Unowned;

/// Mebibytes of plugins that are uploaded at the same time: two of the largest, or many small ones.
pub(crate) const PLUGIN_MIB: usize = 2 * (WHOLE_LIMIT >> 20);

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(publish)).layer(DefaultBodyLimit::disable())
}

/// The upload as the description names it; the handler reads it as it streams.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described")]
struct Upload {
    /// First: what the file is.
    release: NewRelease,
    /// Second: the file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Publish a version: a plain file, sealed while it streams, or one that was sealed before. G-code for printers, or a plugin (a WASM
/// module of at most 64 MiB), as the listing says.
#[utoipa::path(post, path = "/api/v1/releases", tag = "publish",
    request_body(content = Upload, content_type = "multipart/form-data"), responses(
    (status = 201, body = Release),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 409, body = Problem, description = "`version_taken`"),
    (status = 413, body = Problem, description = "`file_too_large`"),
    (status = 422, body = Problem, description = "what is wrong with the file, its key, manifest or signature"),
    (status = 503, body = Problem, description = "`given_up`: the store stood still for too long; send it again"),
))]
async fn publish(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Answer> {
    let mut form = form.map_err(form::rejected)?;
    let new = form::description(&mut form).await?;
    let request = Once::new(&headers, user.id().as_str(), "releases", &new)?;
    if let Some(answer) = request.earlier(&state, state.db.read()).await? {
        return Ok(answer);
    }
    let offer = match look(&state, &user, &new).await {
        Ok(offer) => offer,
        Err(fault) => {
            form::skip_file(&mut form).await;
            return Err(fault);
        }
    };
    let file = form::file(&mut form).await?;
    let memory = match offer.kind {
        ListingKind::Plugin => {
            let permits = state.plugin_mib.clone().acquire_many_owned(plugin_mib(&headers));
            Some(permits.await.map_err(Fault::internal)?)
        }
        ListingKind::Gcode => None,
    };
    let permit = state.uploads.clone().acquire_owned().await.map_err(Fault::internal)?;
    let id = ReleaseId::generate(&random::bytes()?);
    let ingested = ingest::run(&state, id.as_str(), &new, offer.kind, file).await?;
    drop((permit, memory));
    point(points::UPLOADED);
    if let Some(said) = &offer.said {
        said.check_signature(ingested.seen.plain.sha256)?;
        said.check_cid(ingested.written.cid.as_deref().unwrap_or_default())?;
    }
    let row = to_row(&state, &id, &offer, &ingested)?;
    let key = vault::seal(&state, id.as_str(), &ingested.dek)?;
    match save(&state, &user, request.clone(), row, &ingested, key).await {
        Ok(done) => {
            ingested.blob.keep();
            Ok(done)
        }
        // Another process may have answered the same request meanwhile.
        Err(fault) => request.earlier(&state, state.db.read()).await?.ok_or(fault),
    }
}

/// What the body of a plugin's upload can hold, in mebibytes begun.
fn plugin_mib(headers: &HeaderMap) -> u32 {
    let size = headers.get(header::CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
    let most = WHOLE_LIMIT as u64;
    u32::try_from(size.unwrap_or(most).min(most).div_ceil(1 << 20).max(1)).unwrap_or(u32::MAX)
}

/// What is published where, as far as that can be told without the file.
struct Offer {
    listing: String,
    kind: ListingKind,
    version: Version,
    /// What a chain knows it by.
    item: ChainHash,
    /// Of a plugin.
    said: Option<Said>,
    notes: String,
}

async fn look(state: &AppState, user: &UserAuth, new: &NewRelease) -> Result<Offer> {
    let version: Version = new.version.parse().map_err(|error| limits::invalid("version", error))?;
    let notes = limits::notes(&new.notes)?;
    let listing = owned_listing(state.db.read(), &new.listing, user).await?;
    // What is full already takes no file; whether this one fits is known when it is there.
    quotas::storage(state, state.db.read(), &listing.publisher, 1).await?;
    check_version(state.db.read(), &listing.id, &version).await?;
    let kind = named(&listing.kind)?;
    let said = Said::read(&listing, kind, new, &version)?;
    if let (Some(said), Some(sealed)) = (&said, &new.sealed) {
        said.check_signature(ingest::plain_digest(sealed)?.sha256)?;
    }
    let item = item_id(&item_text(listing.plugin_id.as_deref().unwrap_or(&listing.id), &version));
    Ok(Offer { listing: listing.id, kind, version, item, said, notes })
}

async fn check_version(db: &impl sea_orm::ConnectionTrait, listing: &str, version: &Version) -> Result<()> {
    let same = release::Entity::find()
        .filter(release::Column::Listing.eq(listing))
        .filter(release::Column::Version.eq(version.to_string()));
    if same.count(db).await? == 0 {
        return Ok(());
    }
    Err(version_taken(&version.to_string()))
}

fn version_taken(version: &str) -> Fault {
    Problem::new(409, "version_taken", "The version is taken")
        .detail(format!("This listing has a version {version} already."))
        .hint("Publish under a new version.")
        .into()
}

fn to_row(state: &AppState, id: &ReleaseId, offer: &Offer, ingested: &Ingested) -> Result<release::Model> {
    let said = offer.said.as_ref();
    let preview = ingested.seen.report.as_ref().map(|report| preview::of(id.as_str(), report));
    let signed = said.and_then(|said| said.signed);
    Ok(release::Model {
        id: id.to_string(),
        listing: offer.listing.clone(),
        version: offer.version.to_string(),
        state: "active".to_owned(),
        cipher: ingested.written.cipher.to_string(),
        iv: ingested.written.iv.map(hex::encode),
        blob: ingested.blob.name().to_owned(),
        blob_size: ingested.written.blob.size.cast_signed(),
        blob_sha256: ingested.written.blob.hex(),
        plain_size: ingested.seen.plain.size.cast_signed(),
        plain_sha256: ingested.seen.plain.hex(),
        preview: serde_json::to_string(&preview)?,
        created_at: state.clock.now_ms(),
        manifest: said.map(|said| serde_json::to_string(&said.manifest)).transpose()?,
        signature: signed.map(|(_, signature)| hex::encode(signature)),
        publisher_key: signed.map(|(key, _)| hex::encode(key.to_bytes())),
        cid: ingested.written.cid.clone(),
        signed_cid: signed.is_some() && said.is_some_and(|said| said.cid.is_some()),
        item: Some(offer.item.to_string()),
        notes: offer.notes.clone(),
    })
}

async fn save(
    state: &AppState,
    user: &UserAuth,
    request: Once,
    row: release::Model,
    ingested: &Ingested,
    key: Sealed,
) -> Result<Answer> {
    let pictures = match &ingested.seen.report {
        Some(report) => preview::pictures(&row.id, report)?,
        None => Vec::new(),
    };
    let shared = std::sync::Arc::new((state.clone(), user.clone(), request, row, pictures, key));
    let done = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, request, row, pictures, key) = &*shared;
                if request.earlier(state, tx).await?.is_some() {
                    return Err(repeated());
                }
                let answer = insert(state, tx, user, row, pictures, key).await?;
                request.keep(state, tx, &answer)?;
                points::RELEASE.before()?;
                Ok(answer)
            })
        })
        .await;
    points::RELEASE.behind(done)
}

async fn insert(
    state: &AppState,
    tx: &Tx,
    user: &UserAuth,
    row: &release::Model,
    pictures: &[thumbnail::Model],
    key: &Sealed,
) -> Result<Answer> {
    let listing = find_listing(tx, &row.listing).await?;
    quotas::storage(state, tx, &listing.publisher, row.blob_size.unsigned_abs()).await?;
    if listing.publisher_key != row.publisher_key {
        return Err(key_changed());
    }
    check_version(tx, &row.listing, &row.version.parse().map_err(Fault::internal)?).await?;
    let inserted = release::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await;
    inserted.map_err(|error| match error.sql_err() {
        // PostgreSQL lets two find the version free.
        Some(SqlErr::UniqueConstraintViolation(_)) => version_taken(&row.version),
        _ => error.into(),
    })?;
    for picture in pictures {
        thumbnail::Entity::insert(picture.clone().into_active_model()).exec_without_returning(tx).await?;
    }
    shelf::releases_changed(tx, &row.listing).await?;
    // That waited for whoever threw the draft away meanwhile.
    find_listing(tx, &row.listing).await?;
    vault::keep(tx, key).await?;
    pending::adopt(tx, &row.blob).await?;
    let details = serde_json::json!({
        "listing": row.listing, "version": row.version, "plain_size": row.plain_size, "blob_sha256": row.blob_sha256,
        "publisher_key": row.publisher_key,
    });
    let subject = format!("release:{}", row.id);
    audit::record(tx, row.created_at, &user.actor(), "release.published", &subject, details).await?;
    // Of a draft, people are told when it is published.
    if named::<ListingState>(&listing.state)? != ListingState::Draft {
        happenings::of_release(tx, row.created_at, &listing, row)?;
    }
    let cleared = state.clone();
    tx.after_commit(move || cleared.pages.clear());
    Answer::new(StatusCode::CREATED, &release_to_api(row)?)
}

fn key_changed() -> Fault {
    Problem::new(409, "publisher_key_changed", "The listing has another publisher key by now")
        .detail("It was changed while the file was sent.")
        .hint("Sign with the new key and send it again.")
        .into()
}

fn repeated() -> Fault {
    Problem::new(409, "under_way", "The same request is being answered already")
        .hint("Send it again for its answer.")
        .into()
}
