//! `GET /api/v1/sales/interrupted`: prints that wait for a decision, and what comes of each.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::sales::{Choice, Interrupted, InterruptedList};
use sealpost_market::{Fact, JobEvent, JobState, Outcome, Party, apply};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::InterruptedQuery;
use super::{mine, names_of};
use crate::fault::Result;
use crate::http::body::Query;
use crate::jobs::shown;
use crate::schema::value::{name, to_timestamp};
use crate::schema::{job, licence};
use crate::state::AppState;

/// Shown at most.
const MOST: u64 = 200;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Prints of your listings of which nobody knows how they went. `POST /api/v1/jobs/{id}/resolve` says it.
#[utoipa::path(get, path = "/api/v1/sales/interrupted", tag = "sell", params(InterruptedQuery), responses(
    (status = 200, body = InterruptedList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn list(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<InterruptedQuery>,
) -> Result<Json<InterruptedList>> {
    let db = state.db.read();
    let rows = job::Entity::find()
        .filter(mine(&user, query.everybody, job::Column::Listing)?)
        .filter(job::Column::State.eq(JobState::Interrupted.as_str()))
        .order_by_asc(job::Column::UpdatedAt)
        .order_by_asc(job::Column::Id)
        .limit(MOST)
        .all(db)
        .await?;
    let names = names_of(&state, rows.iter().map(|row| row.owner.as_str())).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.licence.as_str()).collect();
    let licences = licence::Entity::find().filter(licence::Column::Id.is_in(ids)).all(db).await?;
    let licences: HashMap<_, _> = licences.into_iter().map(|row| (row.id.clone(), row)).collect();
    let now = state.clock.now_ms();
    let mut jobs = Vec::new();
    for row in &rows {
        let Some(licence) = licences.get(&row.licence) else { continue };
        jobs.push(Interrupted {
            job: shown(row, &user)?,
            buyer_name: names.get(&row.owner).cloned(),
            started: row.started,
            restored: row.restored,
            choices: choices(row, licence, now)?,
        });
    }
    Ok(Json(InterruptedList { jobs }))
}

/// The rules say what would come of it; nothing is saved.
fn choices(row: &job::Model, licence: &licence::Model, now: i64) -> Result<Vec<Choice>> {
    let (job, licence) = (row.to_market()?, licence.to_market()?);
    let mut choices = Vec::new();
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Cancelled] {
        let event = JobEvent::Decide { outcome, by: Party::Publisher };
        let Ok(step) = apply(job.clone(), licence.clone(), event, to_timestamp(now)) else { continue };
        let after = step.licence;
        choices.push(Choice {
            outcome: name(&outcome)?,
            counts: after.used > licence.used,
            free_retry: step
                .facts
                .iter()
                .any(|fact| matches!(fact, Fact::PrintReleased { free_retry: true, .. })),
            prints_left: after.allowed.saturating_sub(after.used).saturating_sub(after.reserved),
            free_retries_left: after.free_retries.saturating_sub(after.free_retries_used),
        });
    }
    Ok(choices)
}
