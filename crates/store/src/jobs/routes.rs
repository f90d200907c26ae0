//! `/api/v1/jobs` for people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::job::{Job, JobPage, NewJob, ResolveRequest, Timeline};
use sealpost_market::{JobEvent, Outcome, Party, RuleError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::change::{Change, change, find};
use super::create::{PrintOrder, place};
use super::query::ListQuery;
use super::timeline;
use super::view::shown;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::http::page::PageQuery;
use crate::schema::job;
use crate::schema::value::named;
use crate::state::AppState;
use crate::{limits, points};
use sea_orm::ActiveValue::Set;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(timeline))
        .routes(routes!(cancel))
        .routes(routes!(resolve))
}

/// Print a licence's file on one of your printers.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "print", request_body = NewJob, responses(
    (status = 201, body = Job),
    (status = 402, body = Problem, description = "`licence_exhausted`, `release_not_covered`"),
    (status = 404, body = Problem, description = "`not_found`, `no_release`"),
    (status = 410, body = Problem, description = "`licence_expired`"),
))]
async fn create(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<NewJob>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "jobs", &new)?;
    let order = PrintOrder::new(user.id(), new.licence, new.printer, new.release)?;
    let shared = state.clone();
    let done = once(&state, request, StatusCode::CREATED, move |tx| {
        let (state, order, user) = (shared.clone(), order.clone(), user.clone());
        Box::pin(async move {
            let row = place(&state, tx, &order).await?;
            points::JOB.before()?;
            shown(&row, &user)
        })
    })
    .await;
    points::JOB.behind(done)
}

/// Your jobs, or those of what you publish, newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "print", params(ListQuery), responses(
    (status = 200, body = JobPage),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<ListQuery>,
) -> Result<Json<JobPage>> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let select = job::Entity::find()
        .filter(query.condition(user.id().as_str()))
        .filter(page.condition(job::Column::CreatedAt, job::Column::Id)?)
        .order_by_desc(job::Column::CreatedAt)
        .order_by_desc(job::Column::Id)
        .limit(page.limit() + 1);
    let mut rows = select.all(state.db.read()).await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let jobs = rows.iter().map(|row| shown(row, &user)).collect::<Result<_>>()?;
    Ok(Json(JobPage { jobs, next }))
}

/// One job, for its buyer and for the publisher.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "print", params(("id" = String, Path)), responses(
    (status = 200, body = Job),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(State(state): State<AppState>, user: UserAuth, Path(id): Path<String>) -> Result<Json<Job>> {
    let (row, _) = visible(state.db.read(), &id, &user).await?;
    shown(&row, &user).map(Json)
}

/// What happened to a job, oldest first.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/timeline", tag = "print", params(("id" = String, Path)), responses(
    (status = 200, body = Timeline),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn timeline(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<Json<Timeline>> {
    let (row, _) = visible(state.db.read(), &id, &user).await?;
    timeline::of(&state, &row).await.map(Json)
}

/// Take a job back; once its key is out, the printer is asked to stop.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "print", params(("id" = String, Path)), responses(
    (status = 200, body = Job),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 410, body = Problem, description = "`job_finished`"),
))]
async fn cancel(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "jobs/cancel", &id)?;
    decide(&state, request, user, id, |row, user, party| {
        if party == Party::Publisher && row.owner != user.id().as_str() {
            return Err(RuleError::NotAllowed("its buyer or an operator").into());
        }
        Ok((JobEvent::Cancel { by: party }, job::ActiveModel::default()))
    })
    .await
}

/// Say how an interrupted job ended: the publisher's or an operator's decision.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/resolve", tag = "sell", params(("id" = String, Path)),
    request_body = ResolveRequest, responses(
    (status = 200, body = Job),
    (status = 403, body = Problem, description = "`not_allowed`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`job_state`"),
))]
async fn resolve(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
    Body(new): Body<ResolveRequest>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "jobs/resolve", &(&id, &new))?;
    let outcome: Outcome = named(&new.outcome)
        .map_err(|_| limits::invalid("outcome", "it is `success`, `failure` or `cancelled`"))?;
    let message: String = new.message.trim().chars().take(500).collect();
    decide(&state, request, user, id, move |_, _, party| {
        Ok((JobEvent::Decide { outcome, by: party }, said(&message)))
    })
    .await
}

fn said(message: &str) -> job::ActiveModel {
    let mut more = job::ActiveModel::default();
    if !message.is_empty() {
        more.message = Set(Some(message.to_owned()));
    }
    more
}

async fn decide(
    state: &AppState,
    request: Once,
    user: UserAuth,
    id: String,
    event: impl Fn(&job::Model, &UserAuth, Party) -> Result<(JobEvent, job::ActiveModel)> + Send + Sync + 'static,
) -> Result<Answer> {
    let shared = Arc::new((state.clone(), user, id, event));
    let done = once(state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, id, event) = &*shared;
            let (row, party) = visible(tx, id, user).await?;
            let (event, more) = event(&row, user, party)?;
            let (now, actor) = (state.clock.now_ms(), user.actor());
            change(tx, &row, Change { event, actor: &actor, more, hub: Some(&state.hub), now }).await?;
            points::CANCEL.before()?;
            shown(&find(tx, id).await?, user)
        })
    })
    .await;
    points::CANCEL.behind(done)
}

/// A job, and as what this person sees it.
async fn visible(db: &impl ConnectionTrait, id: &str, user: &UserAuth) -> Result<(job::Model, Party)> {
    let row = find(db, id).await?;
    let me = user.id().as_str();
    if user.0.operator {
        return Ok((row, Party::Operator));
    }
    if row.publisher == me {
        return Ok((row, Party::Publisher));
    }
    if row.owner == me {
        return Ok((row, Party::Buyer));
    }
    Err(Fault::not_found("job"))
}
