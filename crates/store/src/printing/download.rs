//! Sealed blobs for the printers they are for, with ranges.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sealpost_api::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::BlobQuery;
use super::range::{Wanted, wanted};
use crate::fault::{Fault, Result};
use crate::http::body::Query;
use crate::identity::AgentAuth;
use crate::jobs;
use crate::schema::job;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(agent_gcode)).routes(routes!(print_gcode))
}

/// Download the sealed blob of a job, whole or in part.
#[utoipa::path(get, path = "/api/printer-agent/download-gcode", tag = "printers", params(BlobQuery), responses(
    (status = 200, content_type = "application/octet-stream", description = "The blob"),
    (status = 206, content_type = "application/octet-stream", description = "A part of it"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 410, body = Problem, description = "`job_finished`"),
    (status = 416, body = Problem, description = "`range_not_satisfiable`"),
))]
async fn agent_gcode(
    State(state): State<AppState>,
    agent: AgentAuth,
    headers: HeaderMap,
    Query(query): Query<BlobQuery>,
) -> Result<Response> {
    send(&state, &agent, &headers, &query.print_job_id).await
}

/// Download the sealed blob of a job, under the name documented first.
#[utoipa::path(get, path = "/api/print/download-gcode", tag = "printers", params(BlobQuery), responses(
    (status = 200, content_type = "application/octet-stream", description = "The blob"),
    (status = 206, content_type = "application/octet-stream", description = "A part of it"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 410, body = Problem, description = "`job_finished`"),
    (status = 416, body = Problem, description = "`range_not_satisfiable`"),
))]
async fn print_gcode(
    State(state): State<AppState>,
    agent: AgentAuth,
    headers: HeaderMap,
    Query(query): Query<BlobQuery>,
) -> Result<Response> {
    send(&state, &agent, &headers, &query.print_job_id).await
}

async fn send(state: &AppState, agent: &AgentAuth, headers: &HeaderMap, id: &str) -> Result<Response> {
    let row = jobs::find(state.db.read(), id).await?;
    if row.printer != agent.id.as_str() {
        return Err(Fault::not_found("job"));
    }
    let blob = blob_of(&row)?;
    let size = row.blob_size.unsigned_abs();
    let etag = HeaderValue::from_str(&format!("\"{}\"", row.blob_sha256)).map_err(Fault::internal)?;
    if headers.get(header::IF_NONE_MATCH) == Some(&etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let range = match wanted(headers, &etag, size) {
        Wanted::All => None,
        Wanted::Part(range) => Some(range),
        Wanted::Nothing => return Ok(unsatisfiable(size)),
    };
    let (status, part) = match &range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.clone()),
        None => (StatusCode::OK, 0..size),
    };
    let stream = state.blobs.read(&blob, part.clone()).await?;
    let stream = stream.map_err(|error| {
        tracing::error!(%error, "a download broke");
        error
    });
    let mut response = (status, Body::from_stream(stream)).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-transform"));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    out.insert(header::ETAG, etag);
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        out.insert(header::CONTENT_RANGE, HeaderValue::from_str(&text).map_err(Fault::internal)?);
    }
    Ok(response)
}

fn blob_of(row: &job::Model) -> Result<String> {
    let over = matches!(row.state.as_str(), "success" | "failure" | "cancelled" | "expired");
    match &row.blob {
        Some(blob) if !over => Ok(blob.clone()),
        None if !over => Err(Problem::new(409, "job_state", "Not in this state")
            .detail("The job is still being sealed.")
            .hint("Wait until it is ready to print.")
            .into()),
        _ => Err(Problem::new(410, "job_finished", "It has ended")
            .detail("This job has ended; its blob is gone.")
            .hint("Make a new job to print again.")
            .into()),
    }
}

fn unsatisfiable(size: u64) -> Response {
    let problem = Problem::new(416, "range_not_satisfiable", "There are no such bytes")
        .detail(format!("The blob has {size} bytes."))
        .hint("Ask for bytes that are there.");
    let mut response = crate::fault::respond(&problem);
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}
