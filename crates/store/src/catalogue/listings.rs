//! `/api/v1/listings`.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::{Listing, ListingChanges, ListingPage, NewListing, PluginTerms, Price};
use sealpost_market as market;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cache::Page;
use super::offer;
use super::query::ListQuery;
use super::releases;
use crate::chain::offers;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::http::page::PageQuery;
use crate::schema::value::{from_price, name, named};
use crate::schema::{listing, release};
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

/// Browse the catalogue, newest first. Of manifests there are name, type and description of the newest active release alone.
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
    let page = Page::new(&read_page(&state, &query).await?)?;
    state.pages.put(key, &page, generation, now);
    Ok(page.respond(&headers))
}

async fn read_page(state: &AppState, query: &ListQuery) -> Result<ListingPage> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let mut select = listing::Entity::find()
        .filter(listing::Column::State.eq(market::ListingState::Listed.as_str()))
        .filter(page.condition(listing::Column::CreatedAt, listing::Column::Id)?)
        .order_by_desc(listing::Column::CreatedAt)
        .order_by_desc(listing::Column::Id)
        .limit(page.limit() + 1);
    if let Some(publisher) = &query.publisher {
        select = select.filter(listing::Column::Publisher.eq(publisher));
    }
    if let Some(kind) = &query.kind {
        select = select.filter(listing::Column::Kind.eq(offer::kind(kind)?.as_str()));
    }
    if let Some(text) = query.q.as_deref().filter(|text| !text.is_empty()) {
        select = select.filter(title_holds(text));
    }
    let mut rows = select.all(state.db.read()).await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    let mut releases: HashMap<String, Vec<release::Model>> = HashMap::new();
    for row in releases::of(state.db.read(), &ids).await? {
        releases.entry(row.listing.clone()).or_default().push(row);
    }
    let listings = rows.iter().map(|row| {
        let releases = releases.remove(&row.id).unwrap_or_default();
        let releases = releases.iter().map(releases::in_short).collect::<Result<_>>()?;
        Ok(Listing { releases, ..to_api(state, row, Vec::new())? })
    });
    Ok(ListingPage { listings: listings.collect::<Result<_>>()?, next })
}

/// Without regard to case on either database; `%` and `_` are letters like others.
fn title_holds(text: &str) -> sea_orm::sea_query::SimpleExpr {
    let text = text.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    let pattern = LikeExpr::new(format!("%{text}%")).escape('\\');
    Expr::expr(Func::lower(Expr::col(listing::Column::Title))).like(pattern)
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

/// Look at one listing with its releases; the newest active one has its manifest.
#[utoipa::path(get, path = "/api/v1/listings/{id}", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, body = Listing),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(State(state): State<AppState>, headers: HeaderMap, Path(id): Path<String>) -> Result<Response> {
    let now = state.clock.now_ms();
    let key = format!("listing {id}");
    let (kept, generation) = state.pages.get(&key, now);
    if let Some(page) = kept {
        return Ok(page.respond(&headers));
    }
    let row = find(state.db.read(), &id).await?;
    let releases = releases::of(state.db.read(), std::slice::from_ref(&row.id)).await?;
    let page = Page::new(&to_api(&state, &row, releases)?)?;
    state.pages.put(key, &page, generation, now);
    Ok(page.respond(&headers))
}

/// Change a listing. Licences that were bought keep their terms.
#[utoipa::path(patch, path = "/api/v1/listings/{id}", tag = "catalogue", params(("id" = String, Path)),
    request_body = ListingChanges, responses(
    (status = 200, body = Listing),
    (status = 403, body = Problem, description = "`not_your_listing`, `not_allowed`"),
    (status = 404, body = Problem, description = "`not_found`"),
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
    if let Some(new) = &changes.price {
        (row.price_amount, row.price_currency) = from_price(&offer::price(Some(new))?);
    }
    if let Some(to) = &changes.state {
        let to = named(to).map_err(|_| {
            Fault::invalid("`state` is not listed, unlisted or suspended.", "Send one of these words.")
        })?;
        let by = if user.0.operator { market::Party::Operator } else { market::Party::Publisher };
        let (listing, facts) = row.to_market()?.change_state(to, by)?;
        row.state = listing.state.as_str().to_owned();
        crate::facts::record(tx, now, &user.actor(), &format!("listing:{}", row.id), &facts)?;
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

/// Saves a listing that was changed, if nobody else changed it since; what it costs on chain goes into the history.
pub(crate) async fn save(
    state: &AppState,
    tx: &sealpost_database::Tx,
    mut row: listing::Model,
) -> Result<Listing> {
    let before = row.row_version;
    row.row_version += 1;
    let saved = listing::Entity::update_many()
        .set(row.clone().into_active_model().reset_all())
        .filter(listing::Column::Id.eq(&row.id))
        .filter(listing::Column::RowVersion.eq(before))
        .exec(tx)
        .await?;
    if saved.rows_affected != 1 {
        return Err(Fault::Conflict);
    }
    offers::note(state, tx, &row).await?;
    let cleared = state.clone();
    tx.after_commit(move || cleared.pages.clear());
    let releases = releases::of(tx, std::slice::from_ref(&row.id)).await?;
    to_api(state, &row, releases)
        crate::happenings::of_listing(tx, now, &row, None, &facts)?;
}

fn to_api(state: &AppState, row: &listing::Model, releases: Vec<release::Model>) -> Result<Listing> {
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
        releases: releases.iter().map(releases::to_api).collect::<Result<_>>()?,
    })
}
