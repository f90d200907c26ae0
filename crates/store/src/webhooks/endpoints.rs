//! `/api/v1/webhooks`: who is told.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::sea_query::IntoCondition;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use sealpost_accounts::{Actor, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::happening::Happening;
use sealpost_api::webhook::{NewWebhook, Webhook, WebhookChanges, WebhookList};
use sealpost_database::Tx;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::signature::Secret;
use super::{send, view};
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path};
use crate::http::once::{Answer, Once, once};
use crate::operate::office::Left;
use crate::schema::{webhook_delivery, webhook_endpoint, webhook_try};
use crate::state::AppState;
use crate::{limits, random};

/// Endpoints of one account.
const MOST: u64 = 20;
/// How long the secret before the newest signs, too.
pub(crate) const OVERLAP_MS: i64 = 24 * 3_600_000;
const DESCRIPTION_MAX: usize = 200;
const URL_MAX: usize = 2000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(rotate))
}

/// The row of an endpoint of this person.
pub(super) async fn owned(
    db: &impl ConnectionTrait,
    id: &str,
    user: &UserAuth,
) -> Result<webhook_endpoint::Model> {
    let row = webhook_endpoint::Entity::find_by_id(id).one(db).await?;
    // What is told of everybody is any operator's business, and nobody's who was one.
    row.filter(|row| if row.everybody { user.0.operator } else { row.owner == user.id().as_str() })
        .ok_or_else(|| Fault::not_found("webhook"))
}

/// Keeps others from an endpoint until the transaction ends. Always before its messages are touched.
pub(super) async fn locked(tx: &Tx, id: &str) -> Result<()> {
    webhook_endpoint::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    Ok(())
}

/// Your webhooks, newest first; for operators also those of the store.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", responses(
    (status = 200, body = WebhookList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(State(state): State<AppState>, user: UserAuth) -> Result<Json<WebhookList>> {
    let db = state.db.read();
    let own = Condition::all()
        .add(webhook_endpoint::Column::Owner.eq(user.id().as_str()))
        .add(webhook_endpoint::Column::Everybody.eq(false));
    let mut whose = Condition::any().add(own);
    if user.0.operator {
        whose = whose.add(webhook_endpoint::Column::Everybody.eq(true));
    }
    let rows = webhook_endpoint::Entity::find()
        .filter(whose)
        .order_by_desc(webhook_endpoint::Column::CreatedAt)
        .order_by_desc(webhook_endpoint::Column::Id)
        .limit(200)
        .all(db)
        .await?;
    let counts = counts(db, &rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>()).await?;
    let webhooks = rows.iter().map(|row| to_api(&state, row, &counts)).collect::<Result<_>>()?;
    Ok(Json(WebhookList { webhooks, kinds: Happening::KINDS.map(str::to_owned).to_vec() }))
}

/// Have an address told what happens. The answer shows its secret, once.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = NewWebhook, responses(
    (status = 201, body = Webhook),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 409, body = Problem, description = "`too_many_webhooks`"),
    (status = 422, body = Problem, description = "`invalid`, `address_unusable`, `address_forbidden`"),
))]
async fn create(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<NewWebhook>,
) -> Result<Answer> {
    if new.everybody {
        user.require_operator()?;
    }
    let request = Once::new(&headers, user.id().as_str(), "webhooks", &new)?;
    let now = state.clock.now_ms();
    let id = format!("we_{}", hex::encode(random::bytes::<12>()?));
    let secret = Secret::generate()?;
    let row = webhook_endpoint::Model {
        owner: user.id().to_string(),
        everybody: new.everybody,
        url: url(&state, &new.url)?,
        kinds: kinds(&new.kinds)?,
        description: description(&new.description)?,
        state: "active".to_owned(),
        secret: secret.seal(&state, &id)?,
        old_secret: None,
        old_secret_until: None,
        failing_since: None,
        reason: None,
        lease_owner: None,
        lease_until: None,
        created_at: now,
        row_version: 1,
        id,
    };
    let secret = secret.text();
    once(&state, request, StatusCode::CREATED, move |tx| {
        let (row, user, secret) = (row.clone(), user.clone(), secret.clone());
        Box::pin(async move {
            let mine =
                webhook_endpoint::Entity::find().filter(webhook_endpoint::Column::Owner.eq(&row.owner));
            if mine.count(tx).await? >= MOST {
                return Err(Problem::new(409, "too_many_webhooks", "There are too many webhooks")
                    .detail(format!("One account has at most {MOST}."))
                    .hint("Remove one that is not needed any more.")
                    .into());
            }
            note(tx, &user, now, "webhook.created", &row)?;
            webhook_endpoint::Entity::insert(row.clone().into_active_model())
                .exec_without_returning(tx)
                .await?;
            Ok(Webhook { secret: Some(secret.expose().to_owned()), ..view::webhook(&row, 0, 0, now)? })
        })
    })
    .await
}

/// One of your webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = Webhook),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<Webhook>> {
    let db = state.db.read();
    let row = owned(db, &id, &user).await?;
    let counts = counts(db, &[&row.id]).await?;
    to_api(&state, &row, &counts).map(Json)
}

/// Change a webhook, or have it sent what was held.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    request_body = WebhookChanges, responses(
    (status = 200, body = Webhook),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`, `address_unusable`, `address_forbidden`"),
))]
async fn change(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Body(new): Body<WebhookChanges>,
) -> Result<Json<Webhook>> {
    let url = new.url.as_deref().map(|text| url(&state, text)).transpose()?;
    let kinds = new.kinds.as_deref().map(kinds).transpose()?;
    let description = new.description.as_deref().map(description).transpose()?;
    let to = match new.state.as_deref() {
        None | Some("active" | "paused") => new.state,
        Some(_) => return Err(limits::invalid("state", "it is `active` or `paused`")),
    };
    let shared = std::sync::Arc::new((state.clone(), user, id, url, kinds, description, to));
    let webhook = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, id, url, kinds, description, to) = &*shared;
                let now = state.clock.now_ms();
                locked(tx, id).await?;
                let mut row = owned(tx, id, user).await?;
                row.url = url.clone().unwrap_or(row.url);
                row.kinds = kinds.clone().unwrap_or(row.kinds);
                row.description = description.clone().unwrap_or(row.description);
                if let Some(to) = to {
                    row.state.clone_from(to);
                    if to == "active" {
                        (row.failing_since, row.reason) = (None, None);
                        // What is told of everybody is somebody's who runs the store: theirs who takes it into use again.
                        if row.everybody {
                            row.owner = user.id().to_string();
                        }
                    }
                    send::hold(tx, &row.id, to != "active", now).await?;
                }
                save(tx, &mut row).await?;
                note(tx, user, now, "webhook.changed", &row)?;
                tx.after_commit(crate::happenings::ring);
                to_api(state, &row, &counts(tx, &[&row.id]).await?)
            })
        })
        .await?;
    Ok(Json(webhook))
}

/// Give a webhook another secret, which is shown once. For a day messages are signed by both.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", tag = "webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = Webhook),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn rotate(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "webhooks/rotate", &id)?;
    let secret = Secret::generate()?;
    let shared = std::sync::Arc::new((state.clone(), user, id, secret));
    once(&state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id, secret) = &*shared;
            let now = state.clock.now_ms();
            let mut row = owned(tx, id, user).await?;
            row.old_secret = Some(std::mem::replace(&mut row.secret, secret.seal(state, id)?));
            row.old_secret_until = Some(now + OVERLAP_MS);
            save(tx, &mut row).await?;
            note(tx, user, now, "webhook.secret_changed", &row)?;
            let shown = to_api(state, &row, &counts(tx, &[&row.id]).await?)?;
            Ok(Webhook { secret: Some(secret.text().expose().to_owned()), ..shown })
        })
    })
    .await
}

/// Remove a webhook with its messages.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn remove(State(state): State<AppState>, user: UserAuth, Path(id): Path<String>) -> Result<StatusCode> {
    let shared = std::sync::Arc::new((state.clone(), user, id));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, id) = &*shared;
                let row = owned(tx, id, user).await?;
                forget(tx, webhook_endpoint::Column::Id.eq(&row.id)).await?;
                note(tx, user, state.clock.now_ms(), "webhook.removed", &row)?;
                Ok::<_, Fault>(())
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets the webhooks of an account that ends; those of the store are its operators'.
pub(crate) async fn forget_of(tx: &Tx, account: &str) -> Result<()> {
    let own = Condition::all()
        .add(webhook_endpoint::Column::Owner.eq(account))
        .add(webhook_endpoint::Column::Everybody.eq(false));
    forget(tx, own).await
}

/// Pauses the webhooks of the store that somebody attached who runs it no more: how many.
pub(crate) async fn rest(tx: &Tx, account: &str, why: Left, now: i64) -> Result<usize> {
    let rows = webhook_endpoint::Entity::find()
        .filter(webhook_endpoint::Column::Owner.eq(account))
        .filter(webhook_endpoint::Column::Everybody.eq(true))
        .filter(webhook_endpoint::Column::State.ne("paused"))
        .order_by_asc(webhook_endpoint::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    let count = rows.len();
    for mut row in rows {
        "paused".clone_into(&mut row.state);
        row.reason = Some("Whoever attached it runs the store no more.".to_owned());
        send::hold(tx, &row.id, true, now).await?;
        save(tx, &mut row).await?;
        let subject = format!("webhook:{}", row.id);
        let details = json!({"reason": why.as_str(), "owner": account});
        audit::record_later(tx, now, &Actor::System, "webhook.paused", &subject, &details);
    }
    Ok(count)
}

async fn forget(tx: &Tx, which: impl IntoCondition) -> Result<()> {
    let which = which.into_condition();
    let endpoints = webhook_endpoint::Entity::find()
        .select_only()
        .column(webhook_endpoint::Column::Id)
        .filter(which.clone())
        .into_query();
    let theirs = webhook_delivery::Column::Endpoint.in_subquery(endpoints);
    let messages = webhook_delivery::Entity::find()
        .select_only()
        .column(webhook_delivery::Column::Id)
        .filter(theirs.clone())
        .into_query();
    webhook_try::Entity::delete_many()
        .filter(webhook_try::Column::Delivery.in_subquery(messages))
        .exec(tx)
        .await?;
    webhook_delivery::Entity::delete_many().filter(theirs).exec(tx).await?;
    webhook_endpoint::Entity::delete_many().filter(which).exec(tx).await?;
    Ok(())
}

async fn save(tx: &Tx, row: &mut webhook_endpoint::Model) -> Result<()> {
    let before = row.row_version;
    row.row_version += 1;
    let mut change = row.clone().into_active_model().reset_all();
    // Whoever sends to it renews these meanwhile.
    (change.lease_owner, change.lease_until) = (sea_orm::NotSet, sea_orm::NotSet);
    let saved = webhook_endpoint::Entity::update_many()
        .set(change)
        .filter(webhook_endpoint::Column::Id.eq(&row.id))
        .filter(webhook_endpoint::Column::RowVersion.eq(before))
        .exec(tx)
        .await?;
    if saved.rows_affected == 1 { Ok(()) } else { Err(Fault::Conflict) }
}

fn note(tx: &Tx, user: &UserAuth, now: i64, action: &str, row: &webhook_endpoint::Model) -> Result<()> {
    // Addresses may hold a secret of their owner's behind the host.
    let host = url::Url::parse(&row.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let details = json!({
        "host": host, "kinds": serde_json::from_str::<Vec<String>>(&row.kinds)?, "everybody": row.everybody,
        "state": row.state,
    });
    audit::record_later(tx, now, &user.actor(), action, &format!("webhook:{}", row.id), &details);
    Ok(())
}

/// Messages that wait and are held, by endpoint.
type Counts = HashMap<(String, String), i64>;

async fn counts(db: &impl ConnectionTrait, ids: &[&str]) -> Result<Counts> {
    let rows: Vec<(String, String, i64)> = webhook_delivery::Entity::find()
        .select_only()
        .column(webhook_delivery::Column::Endpoint)
        .column(webhook_delivery::Column::State)
        .column_as(webhook_delivery::Column::Id.count(), "count")
        .filter(webhook_delivery::Column::Endpoint.is_in(ids.iter().copied()))
        .filter(webhook_delivery::Column::State.is_in(["waiting", "held"]))
        .group_by(webhook_delivery::Column::Endpoint)
        .group_by(webhook_delivery::Column::State)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(endpoint, state, count)| ((endpoint, state), count)).collect())
}

fn to_api(state: &AppState, row: &webhook_endpoint::Model, counts: &Counts) -> Result<Webhook> {
    let count =
        |which: &str| counts.get(&(row.id.clone(), which.to_owned())).map_or(0, |count| count.unsigned_abs());
    view::webhook(row, count("waiting"), count("held"), state.clock.now_ms())
}

fn url(state: &AppState, text: &str) -> Result<String> {
    let text = text.trim();
    if text.len() > URL_MAX {
        return Err(limits::invalid("url", "it is too long"));
    }
    send::client(state)?.check(text).map_err(|error| {
        Problem::new(422, error.code(), "The address cannot be used")
            .detail(crate::fault::sentence(&error.to_string()))
            .hint(crate::fault::sentence(error.hint()))
    })?;
    Ok(text.to_owned())
}

fn kinds(kinds: &[String]) -> Result<String> {
    if let Some(unknown) = kinds.iter().find(|kind| !Happening::KINDS.contains(&kind.as_str())) {
        return Err(limits::invalid("kinds", format!("there is no `{unknown}`")));
    }
    let mut kinds = kinds.to_vec();
    kinds.sort();
    kinds.dedup();
    Ok(serde_json::to_string(&kinds)?)
}

fn description(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > DESCRIPTION_MAX || text.chars().any(char::is_control) {
        return Err(limits::invalid("description", "it has at most 200 characters on one line"));
    }
    Ok(text.to_owned())
}
