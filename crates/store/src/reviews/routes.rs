//! `/api/v1/listings/{id}/reviews`, `/api/v1/listings/{id}/review` and `/api/v1/reviews`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use sealpost_accounts::{ApiError, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::catalogue::Rating;
use sealpost_api::happening::{Happening, Reviewed};
use sealpost_api::review::{NewAnswer, NewReview, OwnReview, Review, ReviewAnswer, ReviewPage};
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use sealpost_market::{
    AccountId, ReviewError, Stars, is_shown, may_answer, may_review, pick_release, review_text,
};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::books::{add_up, held, stars};
use crate::catalogue::{check_shown, find_listing};
use crate::fault::{Fault, Result, sentence};
use crate::http::body::{Body, Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::http::page::PageQuery;
use crate::live::Topic;
use crate::schema::value::{count, parsed};
use crate::schema::{listing, release, review};
use crate::state::AppState;
use crate::{happenings, random};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(own, write))
        .routes(routes!(remove))
        .routes(routes!(answer))
}

/// What buyers say of a listing, newest first. They bought it and used it. Who has their money back
/// is said to have it; a review whose payment was undone on chain is not shown.
#[utoipa::path(get, path = "/api/v1/listings/{id}/reviews", tag = "catalogue",
    params(("id" = String, Path), PageQuery), responses(
    (status = 200, body = ReviewPage),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn list(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<ReviewPage>> {
    let db = state.db.read();
    let listing = find_listing(db, &id).await?;
    check_shown(db, &listing, &user).await?;
    let mut rows = review::Entity::find()
        .filter(review::Column::Listing.eq(&listing.id))
        .filter(review::Column::Shown.eq(true))
        .filter(page.condition(review::Column::CreatedAt, review::Column::Id)?)
        .order_by_desc(review::Column::CreatedAt)
        .order_by_desc(review::Column::Id)
        .limit(page.limit() + 1)
        .all(db)
        .await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let stars = stars(db, &listing.id).await?;
    let rating = rating(&stars);
    Ok(Json(ReviewPage { reviews: rows.iter().map(to_api).collect(), next, rating, stars }))
}

/// Your own review of a listing, and whether you can write one.
#[utoipa::path(get, path = "/api/v1/listings/{id}/review", tag = "buy", params(("id" = String, Path)), responses(
    (status = 200, body = OwnReview),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn own(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<OwnReview>> {
    let db = state.db.read();
    let listing = find_listing(db, &id).await?;
    check_shown(db, &listing, &Ok(user.clone())).await?;
    let row = of_author(db, &listing.id, user.id()).await?;
    let held = held(db, &listing.id, user.id().as_str()).await?;
    let refused = may_review(user.id(), &publisher(&listing)?, &held).err();
    Ok(Json(OwnReview {
        shown: row.as_ref().is_some_and(|row| row.shown),
        review: row.as_ref().map(to_api),
        allowed: refused.is_none(),
        reason: refused.map(|error| error.code().to_owned()),
        detail: refused.map(|error| sentence(&error.to_string())),
        hint: refused.map(|error| error.hint().to_owned()),
    }))
}

/// Write your review of what you bought and used, or write it anew.
#[utoipa::path(put, path = "/api/v1/listings/{id}/review", tag = "buy", params(("id" = String, Path)),
    request_body = NewReview, responses(
    (status = 200, body = Review),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`review_own_listing`, `review_not_bought`, `review_not_used`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`review_stars`, `review_text`"),
))]
async fn write(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Body(new): Body<NewReview>,
) -> Result<Json<Review>> {
    let stars = Stars::new(new.stars)?;
    let shared = Arc::new((state.clone(), user, id, stars, review_text(&new.text)?));
    let written = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, id, stars, text) = &*shared;
                let listing = find_listing(tx, id).await?;
                check_shown(tx, &listing, &Ok(user.clone())).await?;
                let held = held(tx, &listing.id, user.id().as_str()).await?;
                may_review(user.id(), &publisher(&listing)?, &held)?;
                let (row, is_new) = save(state, tx, user, &listing, *stars, text, is_shown(&held)).await?;
                add_up(state, tx, &listing.id).await?;
                tell(state, tx, &listing, &row, is_new).await?;
                Ok::<_, Fault>(to_api(&row))
            })
        })
        .await?;
    Ok(Json(written))
}

async fn save(
    state: &AppState,
    tx: &Tx,
    user: &UserAuth,
    listing: &listing::Model,
    stars: Stars,
    text: &str,
    shown: bool,
) -> Result<(review::Model, bool)> {
    let now = state.clock.now_ms();
    if let Some(before) = of_author(tx, &listing.id, user.id()).await? {
        let row = review::Model {
            stars: stars.count().into(),
            body: text.to_owned(),
            author_name: user.0.username.clone(),
            shown,
            refunded: false,
            edited_at: Some(now),
            ..before
        };
        let change = review::ActiveModel {
            stars: Set(row.stars),
            body: Set(row.body.clone()),
            author_name: Set(row.author_name.clone()),
            shown: Set(row.shown),
            refunded: Set(row.refunded),
            edited_at: Set(row.edited_at),
            ..Default::default()
        };
        review::Entity::update_many().set(change).filter(review::Column::Id.eq(&row.id)).exec(tx).await?;
        return Ok((row, false));
    }
    let row = review::Model {
        id: format!("rev_{}", hex::encode(random::bytes::<12>()?)),
        listing: listing.id.clone(),
        author: user.id().to_string(),
        author_name: user.0.username.clone(),
        stars: stars.count().into(),
        body: text.to_owned(),
        version: newest(tx, &listing.id).await?,
        answer: None,
        answered_at: None,
        shown,
        refunded: false,
        created_at: now,
        edited_at: None,
    };
    let inserted = review::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await;
    // The same person wrote one at the same moment: then this one changes it.
    inserted.map_err(|error| match error.sql_err() {
        Some(sea_orm::SqlErr::UniqueConstraintViolation(_)) => Fault::Conflict,
        _ => error.into(),
    })?;
    Ok((row, true))
}

/// The publisher hears of it; of what was only written anew, just the pages that are open.
async fn tell(
    state: &AppState,
    tx: &Tx,
    listing: &listing::Model,
    row: &review::Model,
    is_new: bool,
) -> Result<()> {
    if is_new {
        let about = Reviewed {
            review: row.id.clone(),
            listing: listing.id.clone(),
            title: listing.title.clone(),
            seller: listing.publisher.clone(),
            author: row.author.clone(),
            stars: u8::try_from(row.stars).unwrap_or(0),
            text: row.body.clone(),
        };
        happenings::record(tx, state.clock.now_ms(), Happening::ReviewWritten(about))?;
    }
    let topic = Topic::Notice { kind: "review.written".to_owned(), about: Some(listing.id.clone()) };
    state.live.tell_with(tx, &listing.publisher, topic).await
}

/// Remove a review: your own, or any as an operator.
#[utoipa::path(delete, path = "/api/v1/reviews/{id}", tag = "buy", params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 403, body = Problem, description = "`review_not_yours`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn remove(State(state): State<AppState>, user: UserAuth, Path(id): Path<String>) -> Result<StatusCode> {
    let shared = Arc::new((state.clone(), user, id));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, id) = &*shared;
                let row = find(tx, id).await?;
                if row.author != user.id().as_str() && !user.0.operator {
                    return Err(Fault::from(ReviewError::NotYours));
                }
                review::Entity::delete_by_id(id).exec(tx).await?;
                add_up(state, tx, &row.listing).await?;
                let details = json!({"listing": row.listing, "author": row.author, "stars": row.stars});
                let now = state.clock.now_ms();
                audit::record(tx, now, &user.actor(), "review.removed", &format!("review:{id}"), details)
                    .await?;
                Ok(())
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answer a review of your own listing, once.
#[utoipa::path(post, path = "/api/v1/reviews/{id}/answer", tag = "sell", params(("id" = String, Path)),
    request_body = NewAnswer, responses(
    (status = 200, body = Review),
    (status = 403, body = Problem, description = "`review_not_publisher`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`review_answered`"),
    (status = 422, body = Problem, description = "`review_text`, `review_answer_empty`"),
))]
async fn answer(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
    Body(new): Body<NewAnswer>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "reviews/answer", &(&id, &new))?;
    let text = review_text(&new.text)?;
    if text.is_empty() {
        return Err(ReviewError::EmptyAnswer.into());
    }
    let shared = Arc::new((state.clone(), user, id, text));
    once(&state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id, text) = &*shared;
            let row = find(tx, id).await?;
            let listing = find_listing(tx, &row.listing).await?;
            may_answer(user.id(), &publisher(&listing)?, row.answer.is_some())?;
            let now = state.clock.now_ms();
            let change = review::ActiveModel {
                answer: Set(Some(text.clone())),
                answered_at: Set(Some(now)),
                ..Default::default()
            };
            let saved = review::Entity::update_many()
                .set(change)
                .filter(review::Column::Id.eq(id))
                .filter(review::Column::Answer.is_null())
                .exec(tx)
                .await?;
            if saved.rows_affected != 1 {
                return Err(Fault::Conflict);
            }
            let topic = Topic::Notice { kind: "review.answered".to_owned(), about: Some(listing.id.clone()) };
            state.live.tell_with(tx, &row.author, topic).await?;
            Ok(to_api(&review::Model { answer: Some(text.clone()), answered_at: Some(now), ..row }))
        })
    })
    .await
}

async fn find(db: &impl ConnectionTrait, id: &str) -> Result<review::Model> {
    review::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Fault::not_found("review"))
}

async fn of_author(
    db: &impl ConnectionTrait,
    listing: &str,
    author: &AccountId,
) -> Result<Option<review::Model>> {
    let mine = review::Entity::find()
        .filter(review::Column::Listing.eq(listing))
        .filter(review::Column::Author.eq(author.as_str()));
    Ok(mine.one(db).await?)
}

fn publisher(listing: &listing::Model) -> Result<AccountId> {
    parsed(&listing.publisher)
}

async fn newest(db: &impl ConnectionTrait, listing: &str) -> Result<Option<String>> {
    let rows = release::Entity::find().filter(release::Column::Listing.eq(listing)).all(db).await?;
    let releases = rows.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
    Ok(pick_release(&releases, None, None).ok().map(|release| release.version.to_string()))
}

fn rating(stars: &[u32; 5]) -> Option<Rating> {
    let count: u32 = stars.iter().sum();
    let sum: u32 = (1..).zip(stars).map(|(each, reviews)| each * reviews).sum();
    let average_x100 = (sum * 100 + count / 2).checked_div(count)?;
    Some(Rating { average_x100, count })
}

fn to_api(row: &review::Model) -> Review {
    Review {
        id: row.id.clone(),
        listing: row.listing.clone(),
        author_name: row.author_name.clone(),
        stars: u8::try_from(count(row.stars)).unwrap_or(0),
        text: row.body.clone(),
        version: row.version.clone(),
        refunded: row.refunded,
        created_at: rfc3339(row.created_at),
        edited_at: row.edited_at.map(rfc3339),
        answer: row
            .answer
            .clone()
            .zip(row.answered_at)
            .map(|(text, at)| ReviewAnswer { text, created_at: rfc3339(at) }),
    }
}
