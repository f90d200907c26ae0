//! Pictures of listings: sent by publishers, painted anew, shown to whoever may see the listing.

use std::collections::HashMap;

use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use sealpost_accounts::{ApiError, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::{Picture, PictureList, PictureOrder};
use sealpost_database::Tx;
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::PictureQuery;
use super::remake::{self, Painted, Sizes};
use super::{check_shown, find_listing, owned_listing};
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::etag;
use crate::http::once::{Answer, Once, once};
use crate::schema::value::{count, stored};
use crate::schema::{listing, picture, picture_file};
use crate::state::AppState;
use crate::{limits, random};

/// Pictures of a listing, at most.
const MOST: usize = 8;
/// Characters that say what a picture shows, at most.
const ALT_MAX: usize = 300;
/// A picture never changes; a listing may be taken down.
const KEPT: &str = "private, max-age=3600";
/// Nothing in a picture ever runs, were a browser to take one for a page.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

pub(crate) fn router() -> OpenApiRouter<AppState> {
    let uploads = OpenApiRouter::new().routes(routes!(add)).layer(DefaultBodyLimit::max(remake::UPLOAD_MAX));
    uploads.merge(
        OpenApiRouter::new()
            .routes(routes!(order))
            .routes(routes!(remove))
            .routes(routes!(large))
            .routes(routes!(small)),
    )
}

/// The pictures of these listings, in order.
pub(crate) async fn of(
    db: &impl ConnectionTrait,
    listings: &[String],
) -> Result<HashMap<String, Vec<Picture>>> {
    let mut found: HashMap<String, Vec<Picture>> = HashMap::new();
    if listings.is_empty() {
        return Ok(found);
    }
    let rows = picture::Entity::find()
        .filter(picture::Column::Listing.is_in(listings))
        .order_by_asc(picture::Column::Place)
        .order_by_asc(picture::Column::Id)
        .all(db)
        .await?;
    for row in rows {
        found.entry(row.listing.clone()).or_default().push(to_api(&row));
    }
    Ok(found)
}

/// A picture as it is sent: of this type, never guessed, never run.
pub(crate) fn respond(
    headers: &HeaderMap,
    tag: &str,
    media_type: &'static str,
    bytes: Vec<u8>,
) -> Result<Response> {
    let etag = HeaderValue::from_str(&format!("\"{tag}\"")).map_err(Fault::internal)?;
    let name = if media_type == "image/png" {
        "inline; filename=\"picture.png\""
    } else {
        "inline; filename=\"picture.jpg\""
    };
    let kept = [
        (header::ETAG, etag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static(KEPT)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
    ];
    if etag::is_known(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], bytes).into_response())
}

/// Add a picture to a listing of your own: a PNG, JPEG or WebP of at most 12 MiB as the body. It is painted anew, as JPEG of at most
/// 1600 pixels on a side; what else the file holds is forgotten.
#[utoipa::path(post, path = "/api/v1/listings/{id}/pictures", tag = "sell",
    params(("id" = String, Path), PictureQuery),
    request_body(content = Vec<u8>, content_type = "image/*"), responses(
    (status = 201, body = Picture),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`too_many_pictures`"),
    (status = 413, body = Problem, description = "`picture_file_too_large`"),
    (status = 422, body = Problem, description = "`picture_format`, `picture_broken`, `picture_too_large`, `picture_too_small`"),
))]
async fn add(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<PictureQuery>,
    file: Result<Bytes, BytesRejection>,
) -> Result<Answer> {
    let file = file.map_err(|rejection| refused(&rejection))?;
    let alt = alt(query.alt.as_deref().unwrap_or_default())?;
    let sent = (&id, &alt, hex::encode(Sha256::digest(&file)));
    let request = Once::new(&headers, user.id().as_str(), "pictures", &sent)?;
    let listing = owned_listing(state.db.read(), &id, &user).await?;
    check_room(state.db.read(), &listing.id).await?;
    let sizes = std::sync::Arc::new(remake::sizes(file).await?);
    let picture = format!("pic_{}", hex::encode(random::bytes::<12>()?));
    let shared = state.clone();
    once(&state, request, StatusCode::CREATED, move |tx| {
        let (state, user, sizes) = (shared.clone(), user.clone(), sizes.clone());
        let (listing, picture, alt) = (listing.id.clone(), picture.clone(), alt.clone());
        Box::pin(async move {
            let owned = owned_listing(tx, &listing, &user).await?;
            let now = state.clock.now_ms();
            let row = insert(tx, &owned, picture, alt, &sizes, now).await?;
            let details = json!({"picture": row.id, "sha256": sizes.large.sha256});
            audit::record(tx, now, &user.actor(), "picture.added", &format!("listing:{listing}"), details)
                .await?;
            tx.after_commit(move || state.pages.clear());
            Ok(to_api(&row))
        })
    })
    .await
}

async fn insert(
    tx: &Tx,
    listing: &listing::Model,
    id: String,
    alt: String,
    sizes: &Sizes,
    now: i64,
) -> Result<picture::Model> {
    // So that of two that are sent at once the second sees the first.
    touch(tx, listing).await?;
    let places = check_room(tx, &listing.id).await?;
    let row = picture::Model {
        id,
        listing: listing.id.clone(),
        place: places,
        alt,
        width: stored(sizes.large.width),
        height: stored(sizes.large.height),
        created_at: now,
    };
    picture::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
    for (size, painted) in [("large", &sizes.large), ("small", &sizes.small)] {
        let Painted { bytes, sha256, .. } = painted;
        let file = picture_file::Model {
            picture: row.id.clone(),
            size: size.to_owned(),
            sha256: sha256.clone(),
            bytes: bytes.clone(),
        };
        picture_file::Entity::insert(file.into_active_model()).exec_without_returning(tx).await?;
    }
    Ok(row)
}

/// Which place the next picture gets; none is left behind the last.
async fn check_room(db: &impl ConnectionTrait, listing: &str) -> Result<i32> {
    let places = picture::Entity::find()
        .select_only()
        .column(picture::Column::Place)
        .filter(picture::Column::Listing.eq(listing))
        .into_tuple::<i32>()
        .all(db)
        .await?;
    if places.len() < MOST {
        return Ok(places.iter().max().map_or(0, |last| last + 1));
    }
    Err(Problem::new(409, "too_many_pictures", "The listing has all its pictures")
        .detail(format!("A listing has at most {MOST} pictures."))
        .hint("Remove one first.")
        .into())
}

/// Two changes of one listing at the same time are one after the other.
async fn touch(tx: &Tx, listing: &listing::Model) -> Result<()> {
    let change = listing::ActiveModel { row_version: Set(listing.row_version + 1), ..Default::default() };
    let saved = listing::Entity::update_many()
        .set(change)
        .filter(listing::Column::Id.eq(&listing.id))
        .filter(listing::Column::RowVersion.eq(listing.row_version))
        .exec(tx)
        .await?;
    if saved.rows_affected == 1 { Ok(()) } else { Err(Fault::Conflict) }
}

/// Put the pictures of a listing into an order, and say what they show. The first one stands in the catalogue.
#[utoipa::path(put, path = "/api/v1/listings/{id}/pictures", tag = "sell", params(("id" = String, Path)),
    request_body = PictureOrder, responses(
    (status = 200, body = PictureList),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn order(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Body(new): Body<PictureOrder>,
) -> Result<axum::Json<PictureList>> {
    let shared = std::sync::Arc::new((state.clone(), user, id, new));
    let pictures = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, id, new) = &*shared;
                let listing = owned_listing(tx, id, user).await?;
                touch(tx, &listing).await?;
                let there = of(tx, std::slice::from_ref(&listing.id)).await?.remove(&listing.id);
                let there = there.unwrap_or_default();
                let mut named: Vec<_> = new.pictures.iter().map(|picture| picture.id.as_str()).collect();
                let mut all: Vec<_> = there.iter().map(|picture| picture.id.as_str()).collect();
                named.sort_unstable();
                all.sort_unstable();
                if named != all {
                    return Err(limits::invalid("pictures", "it names each picture of the listing once"));
                }
                for (place, picture) in (0..).zip(&new.pictures) {
                    let mut change = picture::ActiveModel { place: Set(place), ..Default::default() };
                    if let Some(text) = &picture.alt {
                        change.alt = Set(alt(text)?);
                    }
                    let this = picture::Column::Id.eq(&picture.id);
                    picture::Entity::update_many().set(change).filter(this).exec(tx).await?;
                }
                let cleared = state.clone();
                tx.after_commit(move || cleared.pages.clear());
                let pictures = of(tx, std::slice::from_ref(&listing.id)).await?.remove(&listing.id);
                Ok::<_, Fault>(pictures.unwrap_or_default())
            })
        })
        .await?;
    Ok(axum::Json(PictureList { pictures }))
}

/// Remove a picture of a listing of your own.
#[utoipa::path(delete, path = "/api/v1/listings/{id}/pictures/{picture}", tag = "sell",
    params(("id" = String, Path), ("picture" = String, Path)), responses(
    (status = 200, body = PictureList),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn remove(
    State(state): State<AppState>,
    user: UserAuth,
    Path((id, picture)): Path<(String, String)>,
) -> Result<axum::Json<PictureList>> {
    let shared = std::sync::Arc::new((state.clone(), user, id, picture));
    let pictures = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, id, picture) = &*shared;
                let listing = owned_listing(tx, id, user).await?;
                touch(tx, &listing).await?;
                let gone = picture::Entity::delete_many()
                    .filter(picture::Column::Id.eq(picture))
                    .filter(picture::Column::Listing.eq(&listing.id))
                    .exec(tx)
                    .await?;
                if gone.rows_affected == 0 {
                    return Err(Fault::not_found("picture"));
                }
                let files = picture_file::Column::Picture.eq(picture);
                picture_file::Entity::delete_many().filter(files).exec(tx).await?;
                let subject = format!("listing:{}", listing.id);
                let details = json!({ "picture": picture });
                audit::record(tx, state.clock.now_ms(), &user.actor(), "picture.removed", &subject, details)
                    .await?;
                let cleared = state.clone();
                tx.after_commit(move || cleared.pages.clear());
                let pictures = of(tx, std::slice::from_ref(&listing.id)).await?.remove(&listing.id);
                Ok(pictures.unwrap_or_default())
            })
        })
        .await?;
    Ok(axum::Json(PictureList { pictures }))
}

/// A picture of a listing, at most 1600 pixels on a side.
#[utoipa::path(get, path = "/api/v1/pictures/{id}", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, content_type = "image/jpeg", description = "The picture"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn large(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response> {
    send(&state, &user, &headers, &id, "large").await
}

/// A picture of a listing, at most 480 pixels on a side.
#[utoipa::path(get, path = "/api/v1/pictures/{id}/small", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, content_type = "image/jpeg", description = "The picture"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn small(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response> {
    send(&state, &user, &headers, &id, "small").await
}

async fn send(
    state: &AppState,
    user: &Result<UserAuth, ApiError>,
    headers: &HeaderMap,
    id: &str,
    size: &str,
) -> Result<Response> {
    let nothing = || Fault::not_found("picture");
    let db = state.db.read();
    let row = picture::Entity::find_by_id(id).one(db).await?.ok_or_else(nothing)?;
    let listing = find_listing(db, &row.listing).await.map_err(|_| nothing())?;
    check_shown(db, &listing, user).await.map_err(|_| nothing())?;
    let file = picture_file::Entity::find_by_id((id.to_owned(), size.to_owned())).one(db).await?;
    let file = file.ok_or_else(nothing)?;
    respond(headers, &file.sha256[..file.sha256.len().min(32)], "image/jpeg", file.bytes)
}

fn to_api(row: &picture::Model) -> Picture {
    Picture {
        id: row.id.clone(),
        alt: row.alt.clone(),
        width: count(row.width),
        height: count(row.height),
        url: format!("/api/v1/pictures/{}", row.id),
        small_url: format!("/api/v1/pictures/{}/small", row.id),
    }
}

fn alt(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > ALT_MAX || text.chars().any(char::is_control) {
        return Err(limits::invalid("alt", "it has at most 300 characters on one line"));
    }
    Ok(text.to_owned())
}

fn refused(rejection: &BytesRejection) -> Fault {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(413, "picture_file_too_large", "The picture's file is too large")
            .detail(format!("It has at most {} MiB.", remake::UPLOAD_MAX >> 20))
            .hint("Save it smaller, or as JPEG: the shop shows at most 1600 pixels on a side.")
            .into();
    }
    Problem::new(400, "upload_broken", "The upload stopped before its end")
        .detail("Nothing of it was kept.")
        .hint("Send it again.")
        .into()
}
