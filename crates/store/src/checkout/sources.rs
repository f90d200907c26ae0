//! `/api/v1/payments/sources`: who says when money came.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use sealpost_accounts::{Actor, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::webhook::{NewPaymentSource, PaymentSource, PaymentSourceChanges, PaymentSourceList};
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::template;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path};
use crate::http::once::{Answer, Once, once};
use crate::operate::office::Left;
use crate::schema::payment_source;
use crate::state::AppState;
use crate::webhooks::OVERLAP_MS;
use crate::webhooks::signature::Secret;
use crate::{limits, random};

/// Sources of one account.
const MOST: u64 = 20;
const NAME_MAX: usize = 60;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change, remove)).routes(routes!(rotate))
}

/// Your payment sources, newest first; for operators also those of the store.
#[utoipa::path(get, path = "/api/v1/payments/sources", tag = "sell", responses(
    (status = 200, body = PaymentSourceList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(State(state): State<AppState>, user: UserAuth) -> Result<Json<PaymentSourceList>> {
    let own = Condition::all()
        .add(payment_source::Column::Owner.eq(user.id().as_str()))
        .add(payment_source::Column::Everybody.eq(false));
    let mut whose = Condition::any().add(own);
    if user.0.operator {
        whose = whose.add(payment_source::Column::Everybody.eq(true));
    }
    let rows = payment_source::Entity::find()
        .filter(whose)
        .filter(payment_source::Column::State.ne("gone"))
        .order_by_desc(payment_source::Column::CreatedAt)
        .order_by_desc(payment_source::Column::Id)
        .limit(200)
        .all(state.db.read())
        .await?;
    Ok(Json(PaymentSourceList { sources: rows.iter().map(|row| to_api(&state, row)).collect() }))
}

/// Attach a payment provider. The answer shows the secret that it signs by, once.
#[utoipa::path(post, path = "/api/v1/payments/sources", tag = "sell", request_body = NewPaymentSource, responses(
    (status = 201, body = PaymentSource),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 409, body = Problem, description = "`too_many_sources`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn create(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<NewPaymentSource>,
) -> Result<Answer> {
    if new.everybody {
        user.require_operator()?;
    }
    let request = Once::new(&headers, user.id().as_str(), "payments/sources", &new)?;
    let now = state.clock.now_ms();
    let id = format!("ps_{}", hex::encode(random::bytes::<12>()?));
    let secret = Secret::generate()?;
    let row = payment_source::Model {
        owner: user.id().to_string(),
        everybody: new.everybody,
        name: name(&new.name)?,
        checkout_url: checkout(new.checkout_url.as_deref())?,
        state: "active".to_owned(),
        secret: secret.seal(&state, &id)?,
        old_secret: None,
        old_secret_until: None,
        created_at: now,
        row_version: 1,
        id,
    };
    let shared = Arc::new((state.clone(), user, row, secret));
    once(&state, request, StatusCode::CREATED, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, row, secret) = &*shared;
            let mine = payment_source::Entity::find()
                .filter(payment_source::Column::Owner.eq(&row.owner))
                .filter(payment_source::Column::State.ne("gone"));
            if mine.count(tx).await? >= MOST {
                return Err(Problem::new(409, "too_many_sources", "There are too many payment sources")
                    .detail(format!("One account has at most {MOST}."))
                    .hint("Remove one that is not needed any more.")
                    .into());
            }
            note(tx, user, now, "payment_source.created", row);
            payment_source::Entity::insert(row.clone().into_active_model())
                .exec_without_returning(tx)
                .await?;
            Ok(PaymentSource { secret: Some(secret.text().expose().to_owned()), ..to_api(state, row) })
        })
    })
    .await
}

/// Change a payment source.
#[utoipa::path(patch, path = "/api/v1/payments/sources/{id}", tag = "sell", params(("id" = String, Path)),
    request_body = PaymentSourceChanges, responses(
    (status = 200, body = PaymentSource),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn change(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
    Body(new): Body<PaymentSourceChanges>,
) -> Result<Json<PaymentSource>> {
    let name = new.name.as_deref().map(name).transpose()?;
    let address = match &new.checkout_url {
        Some(text) => Some(checkout(Some(text))?),
        None => None,
    };
    if !matches!(new.state.as_deref(), None | Some("active" | "paused")) {
        return Err(limits::invalid("state", "it is `active` or `paused`"));
    }
    let who = user.id().to_string();
    let shown = edit(&state, user, id, "payment_source.changed", move |row| {
        row.name = name.clone().unwrap_or_else(|| row.name.clone());
        if let Some(address) = &address {
            row.checkout_url.clone_from(address);
        }
        row.state = new.state.clone().unwrap_or_else(|| row.state.clone());
        // What speaks for everybody is somebody's who runs the store: theirs who takes it into use again.
        if row.everybody && new.state.as_deref() == Some("active") && row.owner != who {
            row.owner.clone_from(&who);
            // Who attached it knows the secret before the newest.
            (row.old_secret, row.old_secret_until) = (None, None);
        }
        Ok(())
    });
    Ok(Json(to_api(&state, &shown.await?)))
}

/// Give a payment source another secret, which is shown once. The one before is taken for a day.
#[utoipa::path(post, path = "/api/v1/payments/sources/{id}/rotate", tag = "sell", params(("id" = String, Path)), responses(
    (status = 200, body = PaymentSource),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn rotate(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<PaymentSource>> {
    let secret = Secret::generate()?;
    let sealed = secret.seal(&state, &id)?;
    let until = state.clock.now_ms() + OVERLAP_MS;
    let row = edit(&state, user, id, "payment_source.secret_changed", move |row| {
        row.old_secret = Some(std::mem::replace(&mut row.secret, sealed.clone()));
        row.old_secret_until = Some(until);
        Ok(())
    })
    .await?;
    Ok(Json(PaymentSource { secret: Some(secret.text().expose().to_owned()), ..to_api(&state, &row) }))
}

/// Remove a payment source: nothing it says counts any more.
#[utoipa::path(delete, path = "/api/v1/payments/sources/{id}", tag = "sell", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn remove(State(state): State<AppState>, user: UserAuth, Path(id): Path<String>) -> Result<StatusCode> {
    edit(&state, user, id, "payment_source.removed", |row| {
        "gone".clone_into(&mut row.state);
        row.old_secret = None;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an account that ends has attached says nothing any more; what it attached for the store is its operators'.
pub(crate) async fn forget_of(tx: &Tx, account: &str) -> Result<()> {
    payment_source::Entity::update_many()
        .col_expr(payment_source::Column::State, Expr::value("gone"))
        .filter(payment_source::Column::Owner.eq(account))
        .filter(payment_source::Column::Everybody.eq(false))
        .exec(tx)
        .await?;
    Ok(())
}

/// Pauses the payment sources of the store that somebody attached who runs it no more: their names.
pub(crate) async fn rest(tx: &Tx, account: &str, why: Left, now: i64) -> Result<Vec<String>> {
    let theirs = Condition::all()
        .add(payment_source::Column::Owner.eq(account))
        .add(payment_source::Column::Everybody.eq(true))
        .add(payment_source::Column::State.eq("active"));
    let rows = payment_source::Entity::find().filter(theirs.clone()).all(tx).await?;
    payment_source::Entity::update_many()
        .col_expr(payment_source::Column::State, Expr::value("paused"))
        .col_expr(payment_source::Column::RowVersion, Expr::col(payment_source::Column::RowVersion).add(1))
        .filter(theirs)
        .exec(tx)
        .await?;
    for row in &rows {
        let subject = format!("payment_source:{}", row.id);
        let details = json!({"name": row.name, "reason": why.as_str(), "owner": account});
        audit::record_later(tx, now, &Actor::System, "payment_source.paused", &subject, &details);
    }
    Ok(rows.into_iter().map(|row| row.name).collect())
}

async fn edit(
    state: &AppState,
    user: UserAuth,
    id: String,
    action: &'static str,
    how: impl Fn(&mut payment_source::Model) -> Result<()> + Send + Sync + 'static,
) -> Result<payment_source::Model> {
    let shared = Arc::new((state.clone(), user, id, how));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, id, how) = &*shared;
                let mut row = owned(tx, id, user).await?;
                let before = row.row_version;
                how(&mut row)?;
                row.row_version += 1;
                let saved = payment_source::Entity::update_many()
                    .set(row.clone().into_active_model().reset_all())
                    .filter(payment_source::Column::Id.eq(&row.id))
                    .filter(payment_source::Column::RowVersion.eq(before))
                    .exec(tx)
                    .await?;
                if saved.rows_affected != 1 {
                    return Err(Fault::Conflict);
                }
                note(tx, user, state.clock.now_ms(), action, &row);
                Ok(row)
            })
        })
        .await
}

async fn owned(db: &impl ConnectionTrait, id: &str, user: &UserAuth) -> Result<payment_source::Model> {
    let row = payment_source::Entity::find_by_id(id).one(db).await?;
    // The store's own is any operator's business, and nobody's who was one.
    let mine = |row: &payment_source::Model| {
        row.state != "gone" && if row.everybody { user.0.operator } else { row.owner == user.id().as_str() }
    };
    row.filter(mine).ok_or_else(|| Fault::not_found("payment source"))
}

fn note(tx: &Tx, user: &UserAuth, now: i64, action: &str, row: &payment_source::Model) {
    let details = json!({
        "name": row.name, "everybody": row.everybody, "state": row.state, "checkout": row.checkout_url.is_some(),
    });
    audit::record_later(tx, now, &user.actor(), action, &format!("payment_source:{}", row.id), &details);
}

fn to_api(state: &AppState, row: &payment_source::Model) -> PaymentSource {
    let now = state.clock.now_ms();
    PaymentSource {
        id: row.id.clone(),
        name: row.name.clone(),
        checkout_url: row.checkout_url.clone(),
        everybody: row.everybody,
        state: row.state.clone(),
        webhook_url: format!("{}/api/v1/payments/webhook/{}", state.origin, row.id),
        old_secret_until: row.old_secret_until.filter(|until| now < *until).map(rfc3339),
        created_at: rfc3339(row.created_at),
        secret: None,
    }
}

fn name(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > NAME_MAX || text.chars().any(char::is_control) {
        return Err(limits::invalid("name", "it has 1 to 60 characters on one line"));
    }
    Ok(text.to_owned())
}

fn checkout(text: Option<&str>) -> Result<Option<String>> {
    text.filter(|text| !text.trim().is_empty()).map(template::read).transpose()
}
