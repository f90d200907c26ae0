//! Reports in their three forms.

use axum::Json;
use axum::extract::State;
use sealpost_api::Problem;
use sealpost_api::printer::{
    LegacyJobStatus, LegacyReport, LegacyReported, Report, ReportStatus, Reported, Statistics,
};
use sealpost_market::{self as market, ReportId, Transition};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path};
use crate::identity::AgentAuth;
use crate::jobs::report::{Said, accept};
use crate::schema::job;
use crate::state::AppState;
use crate::{limits, points};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report)).routes(routes!(job_status)).routes(routes!(print_status))
}

/// Say how a job goes; a report with an id that was accepted is answered again.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/reports", tag = "printers", params(("id" = String, Path)),
    request_body = Report, responses(
    (status = 200, body = Reported),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`old_lease`, `unknown_lease`, `job_state`"),
    (status = 410, body = Problem, description = "`job_finished`"),
))]
async fn report(
    State(state): State<AppState>,
    agent: AgentAuth,
    Path(id): Path<String>,
    Body(report): Body<Report>,
) -> Result<Json<Reported>> {
    let said = Said {
        id: Some(ReportId::parse(&report.report_id).map_err(|error| limits::invalid("report_id", error))?),
        lease: Some(report.lease),
        status: status(report.status),
        message: report.message,
        progress_permille: report.progress_permille,
        layer: report.layer,
        statistics: report.statistics,
    };
    take(&state, agent, id, said).await.map(|(row, step)| Json(reported(&row, &step)))
}

/// Say how a job goes, as deployed LMNT printers do.
#[utoipa::path(post, path = "/api/printer-agent/1.0.0/job-status/{id}", tag = "printers",
    params(("id" = String, Path)), request_body = LegacyJobStatus, responses(
    (status = 200, body = Reported),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`job_state`"),
    (status = 410, body = Problem, description = "`job_finished`"),
))]
async fn job_status(
    State(state): State<AppState>,
    agent: AgentAuth,
    Path(id): Path<String>,
    Body(report): Body<LegacyJobStatus>,
) -> Result<Json<Reported>> {
    let said = legacy(&report.status, report.message, report.statistics)?;
    take(&state, agent, id, said).await.map(|(row, step)| Json(reported(&row, &step)))
}

/// Say how a job ended, as LMNT documents it.
#[utoipa::path(post, path = "/api/report-print-status", tag = "printers", request_body = LegacyReport, responses(
    (status = 200, body = LegacyReported),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`job_state`"),
    (status = 410, body = Problem, description = "`job_finished`"),
))]
async fn print_status(
    State(state): State<AppState>,
    agent: AgentAuth,
    Body(report): Body<LegacyReport>,
) -> Result<Json<LegacyReported>> {
    let said = legacy(&report.status, report.error, Statistics::default())?;
    let (row, step) = take(&state, agent, report.print_job_id, said).await?;
    let read = step.job.state.lmnt_outcome();
    let outcome = read.map_or("pending", |read| read.outcome);
    Ok(Json(LegacyReported {
        status: "Reported".to_owned(),
        outcome: outcome.to_owned(),
        print_outcome: outcome.to_owned(),
        error: read.and_then(|read| read.reason).map(str::to_owned),
        print_job_id: row.id,
        purchase_id: row.purchase,
    }))
}

async fn take(
    state: &AppState,
    agent: AgentAuth,
    id: String,
    said: Said,
) -> Result<(job::Model, Transition)> {
    let shared = std::sync::Arc::new((state.clone(), agent, id, said));
    let done = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, agent, id, said) = &*shared;
                let accepted = accept(state, tx, agent, id, said.clone()).await?;
                points::REPORT.before()?;
                Ok(accepted)
            })
        })
        .await;
    points::REPORT.behind(done)
}

fn reported(row: &job::Model, step: &Transition) -> Reported {
    Reported {
        print_job_id: row.id.clone(),
        state: step.job.state,
        cancel_requested: step.job.cancel_requested && !step.job.state.is_final(),
    }
}

fn legacy(word: &str, message: Option<String>, statistics: Statistics) -> Result<Said> {
    let status = word.parse().map_err(|error: market::UnknownStatus| {
        Fault::invalid(format!("`status` cannot be used: {error}."), "Send one of these words.")
    })?;
    Ok(Said { id: None, lease: None, status, message, progress_permille: None, layer: None, statistics })
}

fn status(status: ReportStatus) -> market::ReportStatus {
    match status {
        ReportStatus::Cancelled => market::ReportStatus::Cancelled,
        ReportStatus::Failure => market::ReportStatus::Failure,
        ReportStatus::Interrupted => market::ReportStatus::Interrupted,
        ReportStatus::Paused => market::ReportStatus::Paused,
        ReportStatus::Printing => market::ReportStatus::Printing,
        ReportStatus::Processing => market::ReportStatus::Processing,
        ReportStatus::Starting => market::ReportStatus::Starting,
        ReportStatus::Success => market::ReportStatus::Success,
    }
}
