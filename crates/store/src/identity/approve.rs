//! The person's side of pairing: look at a printer that wants in, approve or refuse it.

use axum::{Json, extract::State};
use http::StatusCode;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use sealpost_accounts::{
    Actor, ApiError, UserAuth, audit,
    extract::{ApiJson, ApiPath},
};
use sealpost_api::{
    Problem,
    pairing::{ApproveRequest, PairingView},
};
use sealpost_database::{Tx, clock::rfc3339};
use serde_json::json;

use super::{
    Identity, code, describe,
    entity::pairing,
    session::{ANSWER_LIFE_MS, Standing},
    too_many,
};
use crate::points;

/// The printer behind a code, to be compared with what the printer shows.
#[utoipa::path(get, path = "/api/v1/pairings/{code}", tag = "pairing", params(("code" = String, Path)), responses(
    (status = 200, body = PairingView),
    (status = 404, body = Problem, description = "`pairing_code_unknown`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
pub(super) async fn view(
    State(identity): State<Identity>,
    user: UserAuth,
    ApiPath(typed): ApiPath<String>,
) -> Result<Json<PairingView>, ApiError> {
    let row = identity.by_code(&user, &typed).await?;
    identity.shown(row).map(Json)
}

/// Take the printer into the account.
#[utoipa::path(post, path = "/api/v1/pairings/{code}/approve", tag = "pairing", params(("code" = String, Path)),
    request_body = ApproveRequest, responses(
    (status = 200, body = PairingView),
    (status = 404, body = Problem, description = "`pairing_code_unknown`"),
    (status = 409, body = Problem, description = "`short_code_mismatch`, `pairing_decided`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
pub(super) async fn approve(
    State(identity): State<Identity>,
    user: UserAuth,
    ApiPath(typed): ApiPath<String>,
    ApiJson(request): ApiJson<ApproveRequest>,
) -> Result<Json<PairingView>, ApiError> {
    let row = identity.by_code(&user, &typed).await?;
    if let Some(compared) = &request.short_code
        && digits(compared) != digits(&row.short_code)
    {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "short_code_mismatch",
            "The short code is another one",
        )
        .detail("The printer shows other digits than this store has for it.")
        .hint("Do not approve. Check that the code is of your own printer and start pairing again."));
    }
    let name = request.name.as_deref().and_then(describe::line);
    let decision = Decision { user: user.id().to_string(), state: "approved", name, now: identity.now_ms() };
    identity.decide(row, decision).await.map(Json)
}

/// Refuse the printer.
#[utoipa::path(post, path = "/api/v1/pairings/{code}/deny", tag = "pairing", params(("code" = String, Path)), responses(
    (status = 200, body = PairingView),
    (status = 404, body = Problem, description = "`pairing_code_unknown`"),
    (status = 409, body = Problem, description = "`pairing_decided`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
pub(super) async fn deny(
    State(identity): State<Identity>,
    user: UserAuth,
    ApiPath(typed): ApiPath<String>,
) -> Result<Json<PairingView>, ApiError> {
    let row = identity.by_code(&user, &typed).await?;
    let decision =
        Decision { user: user.id().to_string(), state: "denied", name: None, now: identity.now_ms() };
    identity.decide(row, decision).await.map(Json)
}

#[derive(Clone)]
struct Decision {
    user: String,
    state: &'static str,
    name: Option<String>,
    now: i64,
}

impl Identity {
    /// A session by the code a person typed. Wrong guesses are counted, right ones are not.
    async fn by_code(&self, user: &UserAuth, typed: &str) -> Result<pairing::Model, ApiError> {
        let now = self.now_ms();
        let guesses = &self.0.limits.guesses;
        guesses.attempt(user.id().as_str(), now).map_err(too_many)?;
        let code = code::normalise(typed).ok_or_else(unknown)?;
        let found =
            pairing::Entity::find().filter(pairing::Column::Code.eq(code)).one(self.0.db.read()).await?;
        let row = found.filter(|row| {
            let mine = row.approver.as_deref().is_none_or(|approver| approver == user.id().as_str());
            mine && Standing::of(row, now) != Standing::Expired
        });
        let row = row.ok_or_else(unknown)?;
        guesses.refund(user.id().as_str());
        Ok(row)
    }

    async fn decide(&self, row: pairing::Model, decision: Decision) -> Result<PairingView, ApiError> {
        let hash = row.secret_hash;
        let row = self.0.db.write(move |tx| Box::pin(decide(tx, hash.clone(), decision.clone()))).await;
        self.shown(points::PAIR_DECIDE.behind(row)?)
    }

    fn shown(&self, row: pairing::Model) -> Result<PairingView, ApiError> {
        let status = Standing::of(&row, self.now_ms()).as_str().to_owned();
        Ok(PairingView {
            pairing_code: code::display(&row.code),
            printer: serde_json::from_str(&row.description).map_err(ApiError::internal)?,
            short_code: row.short_code,
            key_id: row.key_id,
            printer_id: row.printer.filter(|_| status == "completed"),
            status,
            expires_at: rfc3339(row.expires_at),
        })
    }
}

async fn decide(tx: &Tx, hash: String, decision: Decision) -> Result<pairing::Model, ApiError> {
    let Decision { user, state, name, now } = decision;
    let changed = pairing::Entity::update_many()
        .col_expr(pairing::Column::State, Expr::value(state))
        .col_expr(pairing::Column::Approver, Expr::value(user.as_str()))
        .col_expr(pairing::Column::Name, Expr::value(name))
        .filter(pairing::Column::SecretHash.eq(&hash))
        .filter(pairing::Column::State.eq("pending"))
        .filter(pairing::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    if changed.rows_affected > 0 {
        pairing::Entity::update_many()
            .col_expr(pairing::Column::ExpiresAt, Expr::value(now + ANSWER_LIFE_MS))
            .filter(pairing::Column::SecretHash.eq(&hash))
            .filter(pairing::Column::ExpiresAt.lt(now + ANSWER_LIFE_MS))
            .exec(tx)
            .await?;
    }
    let row = pairing::Entity::find_by_id(&hash).one(tx).await?.ok_or_else(unknown)?;
    if changed.rows_affected > 0 {
        let actor = Actor::User(user);
        let details = json!({"key_id": row.key_id});
        audit::record(
            tx,
            now,
            &actor,
            &format!("pairing.{state}"),
            &format!("pairing:{}", row.code),
            details,
        )
        .await?;
        points::PAIR_DECIDE.checked()?;
        return Ok(row);
    }
    // The same person's repeated approval is no failure; any other decision came too late.
    let repeated = row.approver.as_deref() == Some(user.as_str())
        && (row.state == state || state == "approved" && row.state == "completed");
    if repeated { Ok(row) } else { Err(decided()) }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "pairing_code_unknown", "No printer waits with this code")
        .hint("Compare the code with the printer's display; codes expire after ten minutes.")
}

fn decided() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "pairing_decided", "The pairing was decided already")
        .hint("Start pairing again at the printer to decide anew.")
}
