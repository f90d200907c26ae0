//! Listings that are taken off sale, and why; alone or with their publisher.
//!
//! A suspended listing is not shown, not sold, and takes no new payment on chain. Whoever bought it keeps their licence: prints and
//! devices go on. When a suspension is lifted the listing is what it was before.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sealpost_accounts::{OperatorAuth, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::operate::{Suspend, Suspension};
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use sealpost_market::{ListingState, Party};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reason;
use crate::catalogue::{find_listing, owned_listing, save_listing};
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path};
use crate::schema::value::named;
use crate::schema::{listing, suspension};
use crate::state::AppState;
use crate::{facts, happenings};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(suspend)).routes(routes!(lift))
}

/// Why a listing is suspended; for its publisher.
#[utoipa::path(get, path = "/api/v1/listings/{id}/suspension", tag = "sell", params(("id" = String, Path)), responses(
    (status = 200, body = Suspension),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`: it is not suspended, or nobody said why"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<Suspension>> {
    let row = owned_listing(state.db.read(), &id, &user).await?;
    let why =
        of(state.db.read(), &row).await?.filter(is_said).ok_or_else(|| Fault::not_found("suspension"))?;
    Ok(Json(to_api(why)))
}

/// Take a listing off sale. Licences that were bought stay as they are.
#[utoipa::path(post, path = "/api/v1/listings/{id}/suspend", tag = "operate", params(("id" = String, Path)),
    request_body = Suspend, responses(
    (status = 200, body = Suspension),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn suspend(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Path(id): Path<String>,
    Body(why): Body<Suspend>,
) -> Result<Json<Suspension>> {
    let (shared, reason) = (state.clone(), reason(&why.reason)?);
    let done = state
        .db
        .write(move |tx| {
            let (state, by, id, reason) = (shared.clone(), operator.0.clone(), id.clone(), reason.clone());
            Box::pin(async move {
                let row = find_listing(tx, &id).await?;
                take_down(&state, tx, &by, row, &reason, false).await
            })
        })
        .await?;
    Ok(Json(to_api(done)))
}

/// Put a listing that was suspended back to what it was.
#[utoipa::path(post, path = "/api/v1/listings/{id}/lift", tag = "operate", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`publisher_suspended`"),
))]
async fn lift(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let shared = state.clone();
    state
        .db
        .write(move |tx| {
            let (state, by, id) = (shared.clone(), operator.0.clone(), id.clone());
            Box::pin(async move {
                let row = find_listing(tx, &id).await?;
                let publisher = state.accounts.people_of(std::slice::from_ref(&row.publisher)).await?;
                if publisher.iter().any(|person| person.suspended_at.is_some()) {
                    return Err(publisher_suspended());
                }
                put_back(&state, tx, &by, row).await
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes all listings of somebody off sale who is suspended.
pub(super) async fn with_publisher(
    state: &AppState,
    tx: &Tx,
    by: &UserAuth,
    publisher: &str,
    reason: &str,
) -> Result<()> {
    for row in listings_of(tx, publisher).await? {
        // Nobody but its publisher sees a draft.
        if row.state != ListingState::Suspended.as_str() && row.state != ListingState::Draft.as_str() {
            take_down(state, tx, by, row, reason, true).await?;
        }
    }
    Ok(())
}

/// Puts back what was taken off sale with somebody.
pub(super) async fn lifted_with_publisher(
    state: &AppState,
    tx: &Tx,
    by: &UserAuth,
    publisher: &str,
) -> Result<()> {
    for row in listings_of(tx, publisher).await? {
        if of(tx, &row).await?.is_some_and(|why| why.with_publisher) {
            put_back(state, tx, by, row).await?;
        }
    }
    Ok(())
}

/// Why a listing is suspended, if it is and somebody said so.
pub(super) async fn of(db: &impl ConnectionTrait, row: &listing::Model) -> Result<Option<suspension::Model>> {
    if row.state != ListingState::Suspended.as_str() {
        return Ok(None);
    }
    Ok(suspension::Entity::find_by_id(&row.id).one(db).await?)
}

/// Of those of these listings that are suspended.
pub(super) async fn of_all(
    db: &impl ConnectionTrait,
    rows: &[listing::Model],
) -> Result<Vec<suspension::Model>> {
    let suspended = rows.iter().filter(|row| row.state == ListingState::Suspended.as_str());
    let ids = suspended.map(|row| row.id.as_str());
    let rows = suspension::Entity::find().filter(suspension::Column::Listing.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().filter(is_said).collect())
}

/// Somebody changes the state of a listing otherwise than by the routes here: what it was before it was suspended is kept, and
/// what was said of a suspension that ends so is forgotten.
///
/// # Errors
/// 409 `listing_was_draft` for what would be put on sale without ever having been published.
pub(crate) async fn moves(tx: &Tx, row: &listing::Model, to: ListingState, now: i64) -> Result<()> {
    let is_suspended = row.state == ListingState::Suspended.as_str();
    if is_suspended == (to == ListingState::Suspended) {
        return Ok(());
    }
    if !is_suspended {
        return remember(tx, row, now).await;
    }
    if of(tx, row).await?.is_some_and(|why| why.state_before == ListingState::Draft.as_str()) {
        return Err(was_draft());
    }
    forget(tx, &row.id).await
}

/// Notes what a listing is that is about to be suspended without a word.
pub(crate) async fn remember(tx: &Tx, row: &listing::Model, now: i64) -> Result<()> {
    let before = suspension::Model {
        listing: row.id.clone(),
        reason: String::new(),
        state_before: row.state.clone(),
        with_publisher: false,
        created_at: now,
    };
    forget(tx, &row.id).await?;
    suspension::Entity::insert(before.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

async fn forget(tx: &Tx, listing: &str) -> Result<()> {
    suspension::Entity::delete_by_id(listing).exec(tx).await?;
    Ok(())
}

fn is_said(row: &suspension::Model) -> bool {
    !row.reason.is_empty()
}

pub(super) fn to_api(row: suspension::Model) -> Suspension {
    Suspension { reason: row.reason, since: rfc3339(row.created_at), with_publisher: row.with_publisher }
}

/// A listing that is suspended already keeps what it was before, and gets the new reason.
async fn take_down(
    state: &AppState,
    tx: &Tx,
    by: &UserAuth,
    mut row: listing::Model,
    reason: &str,
    with_publisher: bool,
) -> Result<suspension::Model> {
    let now = state.clock.now_ms();
    let before = of(tx, &row).await?;
    let state_before = before.map_or_else(|| row.state.clone(), |before| before.state_before);
    let (listing, facts) = row.to_market()?.change_state(ListingState::Suspended, Party::Operator)?;
    let subject = format!("listing:{}", row.id);
    facts::record(tx, now, &by.actor(), &subject, &facts)?;
    happenings::of_listing(tx, now, &row, Some(reason), &facts)?;
    let details = json!({"reason": reason, "with_publisher": with_publisher});
    audit::record(tx, now, &by.actor(), "listing.suspended", &subject, details).await?;
    row.state = listing.state.as_str().to_owned();
    let why = suspension::Model {
        listing: row.id.clone(),
        reason: reason.to_owned(),
        state_before,
        with_publisher,
        created_at: now,
    };
    forget(tx, &row.id).await?;
    suspension::Entity::insert(why.clone().into_active_model()).exec_without_returning(tx).await?;
    if !facts.is_empty() {
        save_listing(state, tx, row).await?;
    }
    Ok(why)
}

async fn put_back(state: &AppState, tx: &Tx, by: &UserAuth, mut row: listing::Model) -> Result<()> {
    if row.state != ListingState::Suspended.as_str() {
        return Ok(());
    }
    let now = state.clock.now_ms();
    let before = of(tx, &row).await?.map(|why| named::<ListingState>(&why.state_before)).transpose()?;
    let (listing, facts) = row.to_market()?.lift(before, Party::Operator)?;
    let to = listing.state;
    let subject = format!("listing:{}", row.id);
    facts::record(tx, now, &by.actor(), &subject, &facts)?;
    audit::record(tx, now, &by.actor(), "listing.suspension_lifted", &subject, json!({"state": to.as_str()}))
        .await?;
    row.state = to.as_str().to_owned();
    forget(tx, &row.id).await?;
    save_listing(state, tx, row).await?;
    Ok(())
}

async fn listings_of(tx: &Tx, publisher: &str) -> Result<Vec<listing::Model>> {
    let rows = listing::Entity::find()
        .filter(listing::Column::Publisher.eq(publisher))
        .order_by_asc(listing::Column::Id)
        .all(tx)
        .await?;
    Ok(rows)
}

fn was_draft() -> Fault {
    Problem::new(409, "listing_was_draft", "It was not published yet")
        .detail("It was suspended as a draft, and its publisher decides when it is sold.")
        .hint("Lift the suspension: it is a draft again then.")
        .into()
}

fn publisher_suspended() -> Fault {
    Problem::new(409, "publisher_suspended", "The publisher is suspended")
        .detail("What they sell is suspended with them.")
        .hint("Lift the suspension of the person first.")
        .into()
}
