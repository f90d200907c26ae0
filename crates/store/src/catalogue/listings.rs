//! `/api/v1/listings`.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use sea_orm::ActiveValue::NotSet;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder,
};
use sealpost_accounts::{ApiError, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::{Listing, ListingChanges, ListingPage, NewListing, PluginTerms, Price, Rating};
use sealpost_market as market;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::browse;
use super::cache::Page;
use super::query::ListQuery;
use super::releases;
use super::{offer, pictures, shelf};
use crate::chain::offers;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::operate::{quotas, suspensions};
use crate::schema::value::{from_price, name, named};
use crate::schema::{licence, listing, release};
use crate::state::AppState;
use crate::{limits, points};
use sealpost_database::clock::rfc3339;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change))
}

/// The row of a listing, by its id or its plugin's.
pub(crate) async fn find(db: &impl ConnectionTrait, id: &str) -> Result<listing::Model> {
    if let Some(row) = listing::Entity::find_by_id(id).one(db).await? {
        return Ok(row);
    }
    let plugin = market::PluginId::parse(id).map_err(|_| Fault::not_found("listing"))?;
    let row = listing::Entity::find().filter(listing::Column::PluginId.eq(plugin.as_str())).one(db).await?;
    row.ok_or_else(|| Fault::not_found("listing"))
}

/// Refuses a draft to everybody but its publisher and operators, and what is suspended to all others but those who bought it.
pub(crate) async fn check_shown(
    db: &impl ConnectionTrait,
    row: &listing::Model,
    user: &std::result::Result<UserAuth, ApiError>,
) -> Result<()> {
    if is_for_all(row) {
        return Ok(());
    }
    let user = user.as_ref().map_err(|_| Fault::not_found("listing"))?;
    if row.publisher == user.id().as_str() || user.0.operator {
        return Ok(());
    }
    let bought = licence::Entity::find()
        .filter(licence::Column::Listing.eq(&row.id))
        .filter(licence::Column::Holder.eq(user.id().as_str()));
    if !is_draft(row) && bought.count(db).await? > 0 { Ok(()) } else { Err(Fault::not_found("listing")) }
}

fn is_draft(row: &listing::Model) -> bool {
    row.state == market::ListingState::Draft.as_str()
}

fn is_for_all(row: &listing::Model) -> bool {
    named::<market::ListingState>(&row.state).is_ok_and(market::ListingState::is_for_sale)
}

/// The row of a listing that this person may change.
pub(crate) async fn owned(db: &impl ConnectionTrait, id: &str, user: &UserAuth) -> Result<listing::Model> {
    let row = find(db, id).await?;
    if row.publisher == user.id().as_str() || user.0.operator {
        return Ok(row);
    }
    Err(Problem::new(403, "not_your_listing", "Only the publisher may do this")
        .detail("This listing belongs to somebody else.")
        .hint("Make a listing of your own.")
        .into())
}

/// Browse and search the catalogue. Of manifests there are name, type and description of the newest active release alone.
#[utoipa::path(get, path = "/api/v1/listings", tag = "catalogue", params(ListQuery), responses(
    (status = 200, body = ListingPage),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    let now = state.clock.now_ms();
    let key = format!("{query:?}");
    let (kept, generation) = state.pages.get(&key, now);
    if let Some(page) = kept {
        return Ok(page.respond(&headers));
    }
    let page = Page::new(&browse::page(&state, &query).await?)?;
    state.pages.put(key, &page, generation, now);
    Ok(page.respond(&headers))
}

/// Offer something.
#[utoipa::path(post, path = "/api/v1/listings", tag = "catalogue", request_body = NewListing, responses(
    (status = 201, body = Listing),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 409, body = Problem, description = "`id_taken`, `plugin_id_taken`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn create(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<NewListing>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "listings", &new)?;
    let row = offer::to_row(&state, &user, &new)?;
    let cleared = state.clone();
    let done = once(&state, request, StatusCode::CREATED, move |tx| {
        let (row, actor, state) = (row.clone(), user.actor(), cleared.clone());
        Box::pin(async move {
            offer::check_names(tx, &row).await?;
            quotas::listing(&state, tx, &row.publisher).await?;
            let inserted =
                listing::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await;
            inserted.map_err(|error| offer::not_inserted(error, &row))?;
            let subject = format!("listing:{}", row.id);
            let details =
                serde_json::json!({"title": row.title, "kind": row.kind, "plugin_id": row.plugin_id, "publisher_key": row.publisher_key});
            audit::record(tx, row.created_at, &actor, "listing.created", &subject, details).await?;
            let listing = to_api(&state, &row, Vec::new())?;
            tx.after_commit(move || state.pages.clear());
            points::LISTING.before()?;
            Ok(listing)
        })
    })
    .await;
    points::LISTING.behind(done)
}

/// Look at one listing with its releases; the newest active one has its manifest. A draft is there for its publisher alone, what is
/// suspended for those who bought it.
#[utoipa::path(get, path = "/api/v1/listings/{id}", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, body = Listing),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response> {
    let now = state.clock.now_ms();
    let key = format!("listing {id}");
    let (kept, generation) = state.pages.get(&key, now);
    if let Some(page) = kept {
        return Ok(page.respond(&headers));
    }
    let row = find(state.db.read(), &id).await?;
    check_shown(state.db.read(), &row, &user).await?;
    let releases = releases::of(state.db.read(), std::slice::from_ref(&row.id)).await?;
    let page = Page::new(&whole(&state, state.db.read(), &row, releases).await?)?;
    // Nobody else is to find it there.
    if is_for_all(&row) {
        state.pages.put(key, &page, generation, now);
    }
    Ok(page.respond(&headers))
}

/// Change a listing. Licences that were bought keep their terms.
#[utoipa::path(patch, path = "/api/v1/listings/{id}", tag = "catalogue", params(("id" = String, Path)),
    request_body = ListingChanges, responses(
    (status = 200, body = Listing),
    (status = 403, body = Problem, description = "`not_your_listing`, `not_allowed`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`already_published`, `listing_was_draft`, `nothing_to_sell`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn change(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Body(changes): Body<ListingChanges>,
) -> Result<axum::Json<Listing>> {
    let shared = state.clone();
    let listing = state
        .db
        .write(move |tx| {
            let (state, user, id, changes) = (shared.clone(), user.clone(), id.clone(), changes.clone());
            Box::pin(async move { apply_changes(&state, tx, &user, &id, &changes).await })
        })
        .await?;
    Ok(axum::Json(listing))
}

async fn apply_changes(
    state: &AppState,
    tx: &sealpost_database::Tx,
    user: &UserAuth,
    id: &str,
    changes: &ListingChanges,
) -> Result<Listing> {
    let mut row = owned(tx, id, user).await?;
    let now = state.clock.now_ms();
    if let Some(title) = &changes.title {
        row.title = limits::title(title)?;
    }
    if let Some(description) = &changes.description {
        row.description = limits::description(description)?;
    }
    offer::change_terms(&mut row, changes)?;
    if let Some(new) = &changes.price {
        (row.price_amount, row.price_currency) = from_price(&offer::price(Some(new))?);
    }
    if let Some(to) = &changes.state {
        let to = named(to).map_err(|_| {
            Fault::invalid("`state` is not listed, unlisted, suspended or draft.", "Send one of these words.")
        })?;
        if is_draft(&row) && market::ListingState::is_for_sale(to) {
            tell_published(tx, now, &row).await?;
            row.created_at = now;
        }
        let by = if user.0.operator { market::Party::Operator } else { market::Party::Publisher };
        let (listing, facts) = row.to_market()?.change_state(to, by)?;
        suspensions::moves(tx, &row, to, now).await?;
        row.state = listing.state.as_str().to_owned();
        crate::facts::record(tx, now, &user.actor(), &format!("listing:{}", row.id), &facts)?;
        crate::happenings::of_listing(tx, now, &row, None, &facts)?;
    }
    if let Some(new) = &changes.publisher_key {
        let (key, old) = (offer::key_of(&row, new)?, row.publisher_key.clone());
        let details = serde_json::json!({"old": old, "new": key});
        if old.as_ref() != Some(&key) {
            row.publisher_key = Some(key);
            let action = "listing.publisher_key_changed";
            audit::record(tx, now, &user.actor(), action, &format!("listing:{}", row.id), details).await?;
        }
    }
    save(state, tx, row).await
}

/// A draft is published with what it holds, which has to be something.
async fn tell_published(tx: &sealpost_database::Tx, now: i64, row: &listing::Model) -> Result<()> {
    let active = release::Entity::find()
        .filter(release::Column::Listing.eq(&row.id))
        .filter(release::Column::State.eq("active"))
        .order_by_asc(release::Column::CreatedAt);
    let active = active.all(tx).await?;
    for release in &active {
        crate::happenings::of_release(tx, now, row, release)?;
    }
    if !active.is_empty() {
        return Ok(());
    }
    Err(Problem::new(409, "nothing_to_sell", "The listing holds no file yet")
        .detail("Buyers would get nothing.")
        .hint("Upload a version first.")
        .into())
}

/// Saves a listing that was changed, if nobody else changed it since; what it costs on chain goes into the history.
pub(crate) async fn save(
    state: &AppState,
    tx: &sealpost_database::Tx,
    mut row: listing::Model,
) -> Result<Listing> {
    let before = row.row_version;
    row.row_version += 1;
    row = row.shelved();
    let mut change = row.clone().into_active_model().reset_all();
    // What others count meanwhile stays.
    (change.sold, change.stars, change.reviews) = (NotSet, NotSet, NotSet);
    (change.rating_rank, change.materials) = (NotSet, NotSet);
    let saved = listing::Entity::update_many()
        .set(change)
        .filter(listing::Column::Id.eq(&row.id))
        .filter(listing::Column::RowVersion.eq(before))
        .exec(tx)
        .await?;
    if saved.rows_affected != 1 {
        return Err(Fault::Conflict);
    }
    shelf::releases_changed(tx, &row.id).await?;
    offers::note(state, tx, &row).await?;
    let cleared = state.clone();
    tx.after_commit(move || cleared.pages.clear());
    let releases = releases::of(tx, std::slice::from_ref(&row.id)).await?;
    whole(state, tx, &row, releases).await
}

/// A listing with its pictures.
async fn whole(
    state: &AppState,
    db: &impl ConnectionTrait,
    row: &listing::Model,
    releases: Vec<release::Model>,
) -> Result<Listing> {
    let pictures = pictures::of(db, std::slice::from_ref(&row.id)).await?.remove(&row.id);
    Ok(Listing { pictures: pictures.unwrap_or_default(), ..to_api(state, row, releases)? })
}

pub(super) fn to_api(
    state: &AppState,
    row: &listing::Model,
    releases: Vec<release::Model>,
) -> Result<Listing> {
    let asked = offers::asked(state.chain.as_deref().map(|port| port.terms()), row)?;
    let terms: market::Terms = serde_json::from_str(&row.terms)?;
    let price = row.price_amount.clone().zip(row.price_currency.clone());
    Ok(Listing {
        id: row.id.clone(),
        title: row.title.clone(),
        description: row.description.clone(),
        kind: name(&row.kind)?,
        state: row.state.clone(),
        publisher: row.publisher.clone(),
        publisher_name: row.publisher_name.clone(),
        price: price.map(|(amount, currency)| Price { amount, currency }),
        payout: row.payout.clone(),
        on_chain: row.payout.as_ref().map(|_| asked.is_some()),
        prints: terms.prints,
        free_retries: terms.free_retries,
        seal_once: terms.seal_once,
        free_updates: terms.free_updates,
        valid_days: terms.valid_seconds.map(|seconds| seconds / offer::DAY_S),
        plugin: row.plugin_id.clone().map(|plugin_id| PluginTerms {
            plugin_id,
            devices: terms.prints,
            publisher_key: row.publisher_key.clone(),
        }),
        created_at: rfc3339(row.created_at),
        pictures: Vec::new(),
        rating: rating(row),
        releases: releases.iter().map(releases::to_api).collect::<Result<_>>()?,
    })
}

fn rating(row: &listing::Model) -> Option<Rating> {
    let (stars, count) = (u64::try_from(row.stars).ok()?, u64::try_from(row.reviews).ok()?);
    let average = (stars * 100 + count / 2).checked_div(count)?;
    Some(Rating { average_x100: u32::try_from(average).ok()?, count: u32::try_from(count).ok()? })
}
