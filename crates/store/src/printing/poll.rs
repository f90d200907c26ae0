//! Polls under all their names, and the claim.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use sealpost_api::Problem;
use sealpost_api::printer::{ClaimRequest, ClaimedJob, Poll};
use sealpost_market::Nonce;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::{JobQuery, WaitQuery};
use super::queue;
use super::shapes::{JobAddress, LmntQueue, NextJob, Queue};
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::identity::{AgentAuth, Protocol};
use crate::jobs;
use crate::limits;
use crate::random;
use crate::state::AppState;

/// Shortest nonce an agent may send.
const NONCE_MIN: usize = 16;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(agent_queue))
        .routes(routes!(first_of_queue))
        .routes(routes!(print_job))
        .routes(routes!(claim))
}

/// Ask for jobs: a Sealpost agent (`sealpost-agent: 1`) gets a list without keys, an LMNT client at most one claimed job.
#[utoipa::path(get, path = "/api/printer-agent/poll-print-queue", tag = "printers", params(WaitQuery), responses(
    (status = 200, body = Queue, description = "for LMNT clients `{jobs: [...]}` of claimed jobs"),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn agent_queue(
    State(state): State<AppState>,
    agent: AgentAuth,
    Query(query): Query<WaitQuery>,
) -> Result<Response> {
    if agent.protocol == Protocol::Sealpost {
        return Ok(Json(offers(&state, &agent, query.wait).await?).into_response());
    }
    let jobs = next(&state, &agent, query.wait).await?.into_iter().collect();
    Ok(Json(LmntQueue { jobs }).into_response())
}

/// Ask for jobs, as documented first: one claimed job, flat, or `{}`.
#[utoipa::path(get, path = "/api/poll-print-queue", tag = "printers", params(WaitQuery), responses(
    (status = 200, body = NextJob, description = "`{}` when nothing waits; a Sealpost agent gets a list without keys"),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn first_of_queue(
    State(state): State<AppState>,
    agent: AgentAuth,
    Query(query): Query<WaitQuery>,
) -> Result<Response> {
    if agent.protocol == Protocol::Sealpost {
        return Ok(Json(offers(&state, &agent, query.wait).await?).into_response());
    }
    flat(next(&state, &agent, query.wait).await?)
}

/// Ask for one job, the next one or a named one, with its address as `gcode_file_url` too.
#[utoipa::path(get, path = "/api/get-print-job", tag = "printers", params(JobQuery), responses(
    (status = 200, body = NextJob, description = "`{}` when nothing waits; the address alone of a job that was claimed"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`already_started`"),
    (status = 503, body = Problem, description = "`sealing_anew`, `key_missing`, `file_missing`: ask again"),
))]
async fn print_job(
    State(state): State<AppState>,
    agent: AgentAuth,
    Query(query): Query<JobQuery>,
) -> Result<Response> {
    match query.print_job_id {
        Some(id) => named(&state, &agent, &id).await,
        None => flat(next(&state, &agent, query.wait).await?),
    }
}

/// Claim a job: its key is released to this printer, under a fresh lease.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/claim", tag = "printers", params(("id" = String, Path)),
    request_body = ClaimRequest, responses(
    (status = 200, body = ClaimedJob),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`already_started`, `job_state`, `lease_moved`, `cancel_requested`"),
    (status = 410, body = Problem, description = "`job_finished`"),
    (status = 503, body = Problem, description = "`sealing_anew`, `key_missing`, `file_missing`: ask again"),
))]
async fn claim(
    State(state): State<AppState>,
    agent: AgentAuth,
    Path(id): Path<String>,
    Body(request): Body<ClaimRequest>,
) -> Result<Json<ClaimedJob>> {
    let nonce = match request.nonce.as_str() {
        "" => Nonce::generate(&random::bytes()?),
        text if text.len() < NONCE_MIN => return Err(limits::invalid("nonce", "it has 16 to 64 characters")),
        text => Nonce::parse(text).map_err(|error| limits::invalid("nonce", error))?,
    };
    queue::claim_job(&state, &agent, &id, nonce, request.after).await.map(Json)
}

async fn offers(state: &AppState, agent: &AgentAuth, wait: Option<u16>) -> Result<Poll> {
    let mut waiting = state.hub.wait(agent.id.as_str());
    let found = queue::offers(state, agent).await?;
    if !found.jobs.is_empty() || !found.cancel_requested.is_empty() {
        return Ok(found);
    }
    let Some(limit) = limit(state, wait) else { return Ok(found) };
    // At the end of the wait it is asked again: a ring of another process can be lost.
    let _ = tokio::time::timeout(limit, waiting.ring()).await;
    queue::offers(state, agent).await
}

async fn next(state: &AppState, agent: &AgentAuth, wait: Option<u16>) -> Result<Option<ClaimedJob>> {
    let mut waiting = state.hub.wait(agent.id.as_str());
    let found = queue::next_for_lmnt(state, agent).await?;
    let Some(limit) = limit(state, wait).filter(|_| found.is_none()) else { return Ok(found) };
    let _ = tokio::time::timeout(limit, waiting.ring()).await;
    queue::next_for_lmnt(state, agent).await
}

fn limit(state: &AppState, wait: Option<u16>) -> Option<Duration> {
    let seconds = u64::from(wait.unwrap_or(0)).min(state.config.max_wait_s);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// A named job: claimed if it can be, else its address alone.
async fn named(state: &AppState, agent: &AgentAuth, id: &str) -> Result<Response> {
    let row = jobs::find(state.db.read(), id).await?;
    if !agent.may_print(&row) {
        return Err(Fault::not_found("job"));
    }
    if agent.protocol == Protocol::Lmnt && row.state == "ready_to_print" {
        return flat(Some(queue::claim_for_lmnt(state, agent, id).await?));
    }
    let url = jobs::claim::download_url(&state.origin, id);
    let job = JobAddress {
        print_job_id: row.id,
        purchase_id: row.purchase,
        status: row.state,
        gcode_file_url: url,
    };
    Ok(Json(job).into_response())
}

fn flat(job: Option<ClaimedJob>) -> Result<Response> {
    let Some(job) = job else { return Ok(Json(json!({})).into_response()) };
    let url = job.encrypted_gcode_download_url.clone();
    let mut flat = serde_json::to_value(job)?;
    if let Some(fields) = flat.as_object_mut() {
        fields.insert("gcode_file_url".to_owned(), url.into());
    }
    Ok(Json(flat).into_response())
}
