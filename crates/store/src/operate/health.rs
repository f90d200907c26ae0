//! How a store is: `/api/v1/operator/health`, and the same in figures for Prometheus at `/metrics`.

mod checks;
mod metrics;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use sealpost_accounts::OperatorAuth;
use sealpost_api::Problem;
use sealpost_api::operate::{Check, Condition, Health};
use sealpost_database::clock::rfc3339;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::Result;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show)).merge(metrics::router())
}

/// How the store is, as the process that answers sees it.
#[utoipa::path(get, path = "/api/v1/operator/health", tag = "operate", responses(
    (status = 200, body = Health),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn show(State(state): State<AppState>, _operator: OperatorAuth) -> Result<Json<Health>> {
    Ok(Json(look(&state).await))
}

/// Looks at everything. What cannot be looked at is told of like what is not well.
pub(super) async fn look(state: &AppState) -> Health {
    let mut seen = Seen::default();
    checks::all(state, &mut seen).await;
    let now = state.clock.now_ms();
    Health {
        state: seen.checks.iter().map(|check| check.state).max().unwrap_or(Condition::Ok),
        checks: seen.checks,
        figures: seen.figures,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: (now.saturating_sub(state.since) / 1000).max(0).unsigned_abs(),
        at: rfc3339(now),
    }
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    checks: Vec<Check>,
    figures: BTreeMap<String, u64>,
}

impl Seen {
    fn ok(&mut self, name: &str, sentence: impl Into<String>) {
        self.say(name, Condition::Ok, sentence, "");
    }

    fn say(&mut self, name: &str, state: Condition, sentence: impl Into<String>, hint: &str) {
        let (name, hint) = (name.to_owned(), hint.to_owned());
        self.checks.push(Check { name, state, sentence: sentence.into(), hint });
    }

    fn figure(&mut self, name: &str, value: u64) {
        self.figures.insert(name.to_owned(), value);
    }
}
