//! `/api/v1/webhooks/{id}/deliveries`: what was sent, and what came back.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::webhook::{Delivery, DeliveryDetails, DeliveryList};
use sealpost_database::clock::rfc3339;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::endpoints::owned;
use super::view;
use crate::fault::{Fault, Result};
use crate::http::body::{Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::http::page::PageQuery;
use crate::schema::{webhook_delivery, webhook_try};
use crate::state::AppState;
use crate::{happenings, random};

/// Answers shown of one message.
const TRIES: u64 = 50;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(redeliver))
        .routes(routes!(test))
}

/// Messages to a webhook of yours, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path), PageQuery), responses(
    (status = 200, body = DeliveryList),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<DeliveryList>> {
    let db = state.db.read();
    let endpoint = owned(db, &id, &user).await?;
    let mut rows = webhook_delivery::Entity::find()
        .filter(webhook_delivery::Column::Endpoint.eq(&endpoint.id))
        .filter(page.condition(webhook_delivery::Column::CreatedAt, webhook_delivery::Column::Id)?)
        .order_by_desc(webhook_delivery::Column::CreatedAt)
        .order_by_desc(webhook_delivery::Column::Id)
        .limit(page.limit() + 1)
        .all(db)
        .await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    Ok(Json(DeliveryList { deliveries: rows.iter().map(view::delivery).collect(), next }))
}

/// One message, with all that was answered to it.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries/{delivery}", tag = "webhooks",
    params(("id" = String, Path), ("delivery" = String, Path)), responses(
    (status = 200, body = DeliveryDetails),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Json<DeliveryDetails>> {
    let db = state.db.read();
    let row = find(db, &id, &delivery, &user).await?;
    let tries = webhook_try::Entity::find()
        .filter(webhook_try::Column::Delivery.eq(&row.id))
        .order_by_desc(webhook_try::Column::At)
        .order_by_desc(webhook_try::Column::Id)
        .limit(TRIES)
        .all(db)
        .await?;
    let delivery = view::delivery(&row);
    Ok(Json(DeliveryDetails {
        delivery,
        payload: row.payload,
        tries: tries.into_iter().map(view::attempt).collect(),
    }))
}

/// Send a message again, under the id it had.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver", tag = "webhooks",
    params(("id" = String, Path), ("delivery" = String, Path)), responses(
    (status = 200, body = Delivery),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`webhook_not_active`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn redeliver(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "webhooks/redeliver", &(&id, &delivery))?;
    let shared = std::sync::Arc::new((state.clone(), user, id, delivery));
    once(&state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id, delivery) = &*shared;
            let row = find(tx, id, delivery, user).await?;
            check_active(tx, id, user).await?;
            let again = webhook_delivery::ActiveModel {
                state: Set("waiting".to_owned()),
                tries: Set(0),
                next_at: Set(Some(state.clock.now_ms())),
                ended_at: Set(None),
                ..Default::default()
            };
            webhook_delivery::Entity::update_many()
                .set(again)
                .filter(webhook_delivery::Column::Id.eq(&row.id))
                .exec(tx)
                .await?;
            tx.after_commit(happenings::ring);
            Ok(view::delivery(&find(tx, id, delivery, user).await?))
        })
    })
    .await
}

/// Send a webhook a message of kind `ping`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)), responses(
    (status = 201, body = Delivery),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`webhook_not_active`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn test(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "webhooks/test", &id)?;
    let shared = std::sync::Arc::new((state.clone(), user, id));
    once(&state, request, StatusCode::CREATED, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id) = &*shared;
            check_active(tx, id, user).await?;
            let now = state.clock.now_ms();
            let event = format!("evt_{}", hex::encode(random::bytes::<16>()?));
            let payload = json!({
                "type": "ping", "timestamp": rfc3339(now), "version": 1, "id": event, "data": {"webhook": id},
            });
            let row = webhook_delivery::Model {
                id: format!("msg_{}", hex::encode(random::bytes::<16>()?)),
                endpoint: id.clone(),
                happening: None,
                kind: "ping".to_owned(),
                payload: payload.to_string(),
                state: "waiting".to_owned(),
                tries: 0,
                next_at: Some(now),
                status: None,
                ended_at: None,
                created_at: now,
            };
            webhook_delivery::Entity::insert(row.clone().into_active_model())
                .exec_without_returning(tx)
                .await?;
            tx.after_commit(happenings::ring);
            Ok(view::delivery(&row))
        })
    })
    .await
}

async fn find(
    db: &impl ConnectionTrait,
    endpoint: &str,
    id: &str,
    user: &UserAuth,
) -> Result<webhook_delivery::Model> {
    let endpoint = owned(db, endpoint, user).await?;
    let row = webhook_delivery::Entity::find_by_id(id).one(db).await?;
    row.filter(|row| row.endpoint == endpoint.id).ok_or_else(|| Fault::not_found("message"))
}

async fn check_active(db: &impl ConnectionTrait, endpoint: &str, user: &UserAuth) -> Result<()> {
    if owned(db, endpoint, user).await?.state == "active" {
        return Ok(());
    }
    Err(Problem::new(409, "webhook_not_active", "Nothing is sent to this webhook")
        .detail("It is paused, or it took nothing for days.")
        .hint("Resume it first; what was held is sent then.")
        .into())
}
