//! Sealed blobs for the printers they are for, with ranges.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sealpost_api::Problem;
use sealpost_market::JobState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::BlobQuery;
use crate::blobs;
use crate::fault::{Fault, Result};
use crate::http::body::Query;
use crate::http::sealed::{self, Sealed};
use crate::identity::AgentAuth;
use crate::jobs::{self, lost};
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
    (status = 409, body = Problem, description = "`job_state`: it is still being sealed; `claim_again`: its file was lost, and it is sealed anew"),
    (status = 410, body = Problem, description = "`job_finished`"),
    (status = 416, body = Problem, description = "`range_not_satisfiable`"),
    (status = 503, body = Problem, description = "`sealing_anew`, `file_missing`: ask again"),
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
    (status = 409, body = Problem, description = "`job_state`: it is still being sealed; `claim_again`: its file was lost, and it is sealed anew"),
    (status = 410, body = Problem, description = "`job_finished`"),
    (status = 416, body = Problem, description = "`range_not_satisfiable`"),
    (status = 503, body = Problem, description = "`sealing_anew`, `file_missing`: ask again"),
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
    if !agent.may_print(&row) {
        return Err(Fault::not_found("job"));
    }
    if lost::is_broken_off(&row) && !row.seal_once {
        return Err(lost::claim_again());
    }
    let name = blob_of(&row)?;
    let blob = Sealed {
        name: &name,
        size: row.blob_size.unsigned_abs(),
        sha256: &row.blob_sha256,
        cache: "private, no-transform",
    };
    match sealed::send(state, headers, blob).await {
        Err(fault) if lost::is_file_missing(&fault) => {
            tracing::error!(job = id, "the sealed file of a job is gone");
            Err(what_now(state, &row, &name).await?.unwrap_or(fault))
        }
        sent => sent,
    }
}

/// Its file is gone. What is sealed for one job is sealed anew; a release's file can only be put back, and what its printer says until
/// then costs nothing.
async fn what_now(state: &AppState, row: &job::Model, blob: &str) -> Result<Option<Fault>> {
    let claimed = row.state == JobState::Processing.as_str();
    if row.seal_once {
        if claimed && !row.lost {
            lost::note(state, &row.id).await?;
        }
        return Ok(None);
    }
    let sealed_anew = blobs::seal_anew(state, &row.id, blob).await?;
    Ok(sealed_anew.then(|| if claimed { lost::claim_again() } else { jobs::sealed_soon() }))
}

fn blob_of(row: &job::Model) -> Result<String> {
    let over = matches!(row.state.as_str(), "success" | "failure" | "cancelled" | "expired");
    match &row.blob {
        Some(blob) if !over => Ok(blob.clone()),
        None if jobs::is_to_be_sealed(row) => Err(jobs::sealed_soon()),
        None if !over => Err(Problem::new(409, "job_state", "Not in this state")
            .detail(match row.state == JobState::Interrupted.as_str() {
                true => "The store was restored from a backup, and no sealed file of this job is there.",
                false => "The job is still being sealed.",
            })
            .hint("Wait until it is listed as ready to print.")
            .into()),
        _ => Err(Problem::new(410, "job_finished", "It has ended")
            .detail("This job has ended; its blob is gone.")
            .hint("Make a new job to print again.")
            .into()),
    }
}
