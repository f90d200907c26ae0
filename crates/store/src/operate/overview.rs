//! `/api/v1/operator/overview`: what needs an operator, on one page.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sealpost_accounts::OperatorAuth;
use sealpost_api::Problem;
use sealpost_api::catalogue::Price;
use sealpost_api::operate::{Condition, Overview};
use sealpost_market::{JobState, ListingState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{fees, health, reports};
use crate::fault::Result;
use crate::identity::printer;
use crate::schema::{job, listing, listing_report, purchase};
use crate::state::AppState;

const MONTH_MS: i64 = 30 * 86_400_000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What needs you, and how the last thirty days were.
#[utoipa::path(get, path = "/api/v1/operator/overview", tag = "operate", responses(
    (status = 200, body = Overview),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn show(State(state): State<AppState>, _operator: OperatorAuth) -> Result<Json<Overview>> {
    let db = state.db.read();
    let since = state.clock.now_ms() - MONTH_MS;
    let mut warnings = health::look(&state).await.checks;
    warnings.retain(|check| check.state > Condition::Ok);
    warnings.sort_by_key(|check| std::cmp::Reverse(check.state));
    let open_reports = listing_report::Entity::find().filter(listing_report::Column::State.eq(reports::OPEN));
    let interrupted = job::Entity::find().filter(job::Column::State.eq(JobState::Interrupted.as_str()));
    let prints = job::Entity::find()
        .filter(job::Column::State.eq(JobState::Success.as_str()))
        .filter(job::Column::UpdatedAt.gt(since));
    let listed = listing::Entity::find().filter(listing::Column::State.eq(ListingState::Listed.as_str()));
    let paired = printer::Entity::find().filter(printer::Column::RemovedAt.is_null());
    let paid = purchase::Entity::find()
        .filter(purchase::Column::State.eq("paid"))
        .filter(purchase::Column::CreatedAt.gt(since));
    let with_fee = paid.clone().filter(purchase::Column::FeeBasisPoints.gt(0)).all(db).await?;
    let mut owed: BTreeMap<String, u128> = BTreeMap::new();
    for row in &with_fee {
        if let (Some(fee), Some(currency)) = (fees::of(row), &row.price_currency) {
            let sum = owed.entry(currency.clone()).or_default();
            *sum = sum.saturating_add(fee);
        }
    }
    let owed = owed.into_iter().map(|(currency, amount)| Price { amount: amount.to_string(), currency });
    Ok(Json(Overview {
        warnings,
        open_reports: open_reports.count(db).await?,
        interrupted_jobs: interrupted.count(db).await?,
        people: state.accounts.count_people().await?.0,
        listings: listed.count(db).await?,
        printers: paired.count(db).await?,
        sales: paid.count(db).await?,
        prints: prints.count(db).await?,
        fees: owed.collect(),
    }))
}
