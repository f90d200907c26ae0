//! `/api/v1/operator/settings`.

use axum::Json;
use axum::extract::State;
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::{OperatorAuth, audit};
use sealpost_api::Problem;
use sealpost_api::operate::{SettingsAnswer, SettingsChanges, StoreSettings};
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{bounds, read, refresh_now, write};
use crate::chain::questions::Asking;
use crate::fault::Result;
use crate::http::body::Body;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change))
}

/// What operators set, and what is so without.
#[utoipa::path(get, path = "/api/v1/operator/settings", tag = "operate", responses(
    (status = 200, body = SettingsAnswer),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn show(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    from: ClientAddress,
) -> Result<Json<SettingsAnswer>> {
    let settings = read(state.db.read(), state.settings.defaults()).await?;
    answer(&state, settings, from).await
}

/// Set something: in force at once, in other processes of the store within a second. Sales of before keep the share they were made with.
#[utoipa::path(patch, path = "/api/v1/operator/settings", tag = "operate", request_body = SettingsChanges, responses(
    (status = 200, body = SettingsAnswer),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn change(
    State(state): State<AppState>,
    operator: OperatorAuth,
    from: ClientAddress,
    Body(changes): Body<SettingsChanges>,
) -> Result<Json<SettingsAnswer>> {
    let shared = state.clone();
    let settings = state
        .db
        .write(move |tx| {
            let (state, actor, changes) = (shared.clone(), operator.0.actor(), changes.clone());
            Box::pin(async move {
                let now = state.clock.now_ms();
                let defaults = state.settings.defaults();
                let old = read(tx, defaults).await?;
                let new = bounds::apply(&old, defaults, changes)?;
                let details = differences(&old, &new)?;
                if !details.is_empty() {
                    write(tx, defaults, &new, now).await?;
                    let details = Value::Object(details);
                    audit::record(tx, now, &actor, "settings.changed", "store:settings", details).await?;
                }
                tx.after_commit(move || state.settings.forget());
                Ok::<_, crate::fault::Fault>(new)
            })
        })
        .await?;
    refresh_now(&state).await;
    answer(&state, settings, from).await
}

async fn answer(
    state: &AppState,
    settings: StoreSettings,
    from: ClientAddress,
) -> Result<Json<SettingsAnswer>> {
    let chain_fee_bps = match Asking::new(state, from) {
        Ok(asking) => asking.soon(asking.fee_bps()).await,
        Err(_) => None,
    };
    Ok(Json(SettingsAnswer { settings, defaults: state.settings.defaults().clone(), chain_fee_bps }))
}

/// What changed: the value before and after, by name. Long texts are told as changed alone.
fn differences(old: &StoreSettings, new: &StoreSettings) -> Result<Map<String, Value>> {
    let (old, new) = (serde_json::to_value(old)?, serde_json::to_value(new)?);
    let changed =
        new.as_object().into_iter().flatten().filter(|(name, value)| old.get(*name) != Some(*value));
    let details = changed.map(|(name, value)| {
        let is_long = value.as_str().is_some_and(|text| text.len() > 200);
        let said =
            if is_long { json!({"changed": true}) } else { json!({"old": old.get(name), "new": value}) };
        (name.clone(), said)
    });
    Ok(details.collect())
}
