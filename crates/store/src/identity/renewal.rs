//! New tokens for printers: in time by the old one, or by the printer's key when that is void.

use axum::{Json, extract::State};
use http::StatusCode;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use sealpost_accounts::{
    Actor, ApiError, IssuedToken, Issuer, audit,
    extract::{ApiJson, ClientAddress},
    random::{secret, system_rng},
};
use sealpost_api::{
    Problem,
    pairing::{Challenge, ChallengeAnswer, ChallengeRequest, RefreshedToken, SealedAnswer},
};
use sealpost_database::{Tx, clock::rfc3339};
use sealpost_envelope::{PrinterPublic, challenge};
use sealpost_keyring::{SealedKey, open, seal};
use sealpost_market::PrinterId;
use serde_json::json;

use super::{
    Identity,
    agent::AgentAuth,
    entity::{challenge as rows, printer},
    pairing::sealed_answer,
    too_many,
};
use crate::points::{self, Commit};

const CHALLENGE_LIFE_MS: i64 = 120_000;

/// A new token for the old one, which ends a minute after the first use of the new one.
#[utoipa::path(post, path = "/api/refresh-printer-token", tag = "printers", responses(
    (status = 200, body = RefreshedToken),
    (status = 401, body = Problem, description = "`sign_in_required`, `token_expired`, `token_revoked`, `token_invalid`"),
    (status = 403, body = Problem, description = "`printer_token_required`"),
))]
pub(super) async fn refresh(
    State(identity): State<Identity>,
    agent: AgentAuth,
) -> Result<Json<RefreshedToken>, ApiError> {
    let issuer = identity.accounts().tokens().issuer().await?;
    let now = identity.now_ms();
    let issued = identity
        .0
        .db
        .write(move |tx| {
            Box::pin(issue(tx, issuer.clone(), agent.id.to_string(), ("refreshed", points::REFRESH), now))
        })
        .await;
    let issued = points::REFRESH.behind(issued)?;
    Ok(Json(RefreshedToken {
        printer_token: issued.token.expose().to_owned(),
        token_expires: rfc3339(issued.expires_at * 1000),
    }))
}

/// As `/api/refresh-printer-token`, under the name deployed printers use.
#[utoipa::path(post, path = "/api/printer-agent/refresh-token", tag = "printers", responses(
    (status = 200, body = RefreshedToken),
    (status = 401, body = Problem, description = "`sign_in_required`, `token_expired`, `token_revoked`, `token_invalid`"),
    (status = 403, body = Problem, description = "`printer_token_required`"),
))]
pub(super) async fn refresh_as_agent(
    identity: State<Identity>,
    agent: AgentAuth,
) -> Result<Json<RefreshedToken>, ApiError> {
    refresh(identity, agent).await
}

/// A question that only the holder of the printer's key can answer.
#[utoipa::path(post, path = "/api/printers/challenge", tag = "printers", request_body = ChallengeRequest, responses(
    (status = 200, body = Challenge),
    (status = 404, body = Problem, description = "`printer_unknown`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
pub(super) async fn ask(
    State(identity): State<Identity>,
    from: ClientAddress,
    ApiJson(request): ApiJson<ChallengeRequest>,
) -> Result<Json<Challenge>, ApiError> {
    let now = identity.now_ms();
    identity.0.limits.challenges.attempt(from.household(), now).map_err(too_many)?;
    PrinterId::parse(&request.printer_id).map_err(|_| unknown())?;
    let printer = identity.live_printer(&request.printer_id).await?.ok_or_else(unknown)?;
    let public: PrinterPublic = printer.public_key.parse().map_err(ApiError::internal)?;

    let mut rng = system_rng();
    let question = challenge::Challenge::new(&identity.0.origin, &printer.id, &mut rng);
    let sealed = question.seal(&public, &mut rng).map_err(ApiError::internal)?;
    let challenge_id = secret(&mut rng).to_string();
    let nonce = seal(identity.0.keks.current(), &purpose(&challenge_id), question.expose_nonce(), &mut rng)
        .map_err(ApiError::internal)?;
    let row = rows::Model {
        id: challenge_id.clone(),
        printer: printer.id,
        sealed_nonce: nonce.to_string(),
        expires_at: now + CHALLENGE_LIFE_MS,
        used_at: None,
    };
    let asked = identity.0.db.write(move |tx| Box::pin(insert(tx, row.clone(), now))).await;
    points::CHALLENGE.behind(asked)?;
    let mut sealed = sealed_answer(sealed, String::new(), 0);
    (sealed.printer_id, sealed.expires_at) = (None, None);
    Ok(Json(Challenge { challenge_id, sealed }))
}

/// A new token for the right answer, sealed to the printer's key. A challenge takes one answer, right or wrong.
#[utoipa::path(post, path = "/api/printers/token", tag = "printers", request_body = ChallengeAnswer, responses(
    (status = 200, body = SealedAnswer),
    (status = 403, body = Problem, description = "`challenge_failed`"),
    (status = 404, body = Problem, description = "`printer_unknown`"),
))]
pub(super) async fn answer(
    State(identity): State<Identity>,
    ApiJson(request): ApiJson<ChallengeAnswer>,
) -> Result<Json<SealedAnswer>, ApiError> {
    let now = identity.now_ms();
    let id = request.challenge_id;
    let is_text = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !id.chars().all(is_text) || PrinterId::parse(&request.printer_id).is_err() {
        return Err(failed());
    }
    let sealed_nonce = {
        let (id, printer) = (id.clone(), request.printer_id.clone());
        let used =
            identity.0.db.write(move |tx| Box::pin(use_up(tx, id.clone(), printer.clone(), now))).await;
        points::CHALLENGE_USED.behind(used)?
    };
    let sealed_nonce: SealedKey = sealed_nonce.ok_or_else(failed)?.parse().map_err(ApiError::internal)?;
    let nonce = open(&*identity.0.keks, &purpose(&id), &sealed_nonce).map_err(ApiError::internal)?;
    let nonce: &[u8; 32] = nonce.as_slice().try_into().map_err(ApiError::internal)?;
    let question = challenge::Challenge::from_parts(&identity.0.origin, &request.printer_id, *nonce);
    question.check_answer(&request.answer).map_err(|_| failed())?;

    let printer = identity.live_printer(&request.printer_id).await?.ok_or_else(unknown)?;
    let public: PrinterPublic = printer.public_key.parse().map_err(ApiError::internal)?;
    let issuer = identity.accounts().tokens().issuer().await?;
    let printer_id = printer.id.clone();
    let issued = identity
        .0
        .db
        .write(move |tx| {
            Box::pin(issue(tx, issuer.clone(), printer.id.clone(), ("proved", points::REISSUE), now))
        })
        .await;
    let issued = points::REISSUE.behind(issued)?;
    let expires_at = u64::try_from(issued.expires_at).map_err(ApiError::internal)?;
    let grant = challenge::TokenGrant { token: issued.token, expires_at };
    let sealed = grant.seal(&question, &public, &mut system_rng()).map_err(ApiError::internal)?;
    Ok(Json(sealed_answer(sealed, printer_id, issued.expires_at)))
}

async fn issue(
    tx: &Tx,
    issuer: Issuer,
    printer_id: String,
    (how, commit): (&'static str, Commit),
    now: i64,
) -> Result<IssuedToken, ApiError> {
    let row = printer::Entity::find_by_id(&printer_id).one(tx).await?;
    let row = row.filter(|row| row.removed_at.is_none()).ok_or_else(unknown)?;
    let issued = issuer.printer(tx, &row.id, &row.owner).await?;
    let actor = Actor::Printer(printer_id);
    let details = json!({"how": how, "jti": issued.jti});
    audit::record(tx, now, &actor, "printer.token_issued", &format!("printer:{}", row.id), details).await?;
    commit.checked()?;
    Ok(issued)
}

/// Forgets challenges that ran out a while ago.
pub(super) async fn purge(tx: &Tx, now: i64) -> Result<(), DbErr> {
    let over = rows::Column::ExpiresAt.lt(now - CHALLENGE_LIFE_MS);
    rows::Entity::delete_many().filter(over).exec(tx).await.map(drop)
}

async fn insert(tx: &Tx, row: rows::Model, now: i64) -> Result<(), ApiError> {
    purge(tx, now).await?;
    rows::ActiveModel::from(row).insert(tx).await?;
    points::CHALLENGE.checked()
}

/// Takes the challenge out of use and gives its nonce; `None` when it is unknown, used, expired or another printer's.
async fn use_up(tx: &Tx, id: String, printer: String, now: i64) -> Result<Option<String>, ApiError> {
    let used = rows::Entity::update_many()
        .col_expr(rows::Column::UsedAt, Expr::value(now))
        .filter(rows::Column::Id.eq(&id))
        .filter(rows::Column::Printer.eq(printer))
        .filter(rows::Column::UsedAt.is_null())
        .filter(rows::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    if used.rows_affected == 0 {
        return Ok(None);
    }
    points::CHALLENGE_USED.checked()?;
    Ok(rows::Entity::find_by_id(id).one(tx).await?.map(|row| row.sealed_nonce))
}

fn purpose(challenge_id: &str) -> String {
    format!("printer-challenge/{challenge_id}")
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "printer_unknown", "There is no such printer")
        .hint("It was removed, or belongs to another store. Pair it again.")
}

fn failed() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "challenge_failed", "The answer does not fit the challenge")
        .hint("Ask for a new challenge; each takes one answer within two minutes. If it stays, pair the printer again.")
}
