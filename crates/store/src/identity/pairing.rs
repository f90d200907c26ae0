//! The printer's side of pairing: start, ask how it stands, take the answer.

use axum::{Json, extract::State};
use http::StatusCode;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::Expr,
};
use sealpost_accounts::{
    ApiError, Issuer,
    extract::{ApiJson, ClientAddress},
    random::{id_bytes, secret, secret_hash, system_rng},
    tokens,
};
use sealpost_api::{
    Problem,
    pairing::{PairSession, PairStart, PairStarted, PairStatus, PrinterDescription, SealedAnswer},
};
use sealpost_database::{Tx, clock::rfc3339};
use sealpost_envelope::{
    PrinterPublic, SealedMessage, SecretText,
    pairing::{Grant, short_code},
};
use sealpost_market::PrinterId;

use super::{
    Identity, agent,
    agent::Protocol,
    code, describe,
    entity::{pairing, printer},
    session::{self, Standing},
    too_many,
};
use crate::points;

/// Codes that can wait at the same time; far above what people do, far below what hurts.
const MOST_WAITING: u64 = 20_000;

/// Ask for a code that a person enters to approve this printer.
#[utoipa::path(post, path = "/api/printers/pair/start", tag = "pairing", request_body = PairStart, responses(
    (status = 200, body = PairStarted),
    (status = 422, body = Problem, description = "`public_key_unusable`, `key_id_mismatch`, `key_type_unknown`, `invalid`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
pub(super) async fn start(
    State(identity): State<Identity>,
    from: ClientAddress,
    protocol: Protocol,
    ApiJson(request): ApiJson<PairStart>,
) -> Result<Json<PairStarted>, ApiError> {
    let now = identity.now_ms();
    identity.0.limits.starts.attempt(from.household(), now).map_err(too_many)?;
    let public = printer_key(&request.public_key, &request.key_type, request.key_id.as_deref())?;
    let description = describe::printer(&request.printer)?;

    let mut rng = system_rng();
    let session_id = secret(&mut rng);
    let row = pairing::Model {
        secret_hash: secret_hash(&session_id),
        code: code::generate(&mut rng),
        short_code: short_code(&public, &identity.root_key(), &session_id),
        public_key: public.to_string(),
        key_id: public.key_id(),
        description: serde_json::to_string(&description).map_err(ApiError::internal)?,
        sealpost_agent: protocol == Protocol::Sealpost,
        state: "pending".to_owned(),
        interval_s: session::INTERVAL_S,
        asked_at: None,
        created_at: now,
        expires_at: now + session::LIFE_MS,
        approver: None,
        name: None,
        printer: None,
        jti: None,
    };
    let pairing_code = code::display(&row.code);
    let expires_at = rfc3339(row.expires_at);
    let begun = identity.0.db.write(move |tx| Box::pin(insert(tx, row.clone(), now))).await;
    points::PAIR_START.behind(begun)?;

    let origin = identity.0.origin.clone();
    Ok(Json(PairStarted {
        session_id: session_id.to_string(),
        verification_uri: format!("{origin}/pair"),
        verification_uri_complete: format!("{origin}/pair#{pairing_code}"),
        pairing_code,
        interval: session::INTERVAL_S.unsigned_abs(),
        expires_in: session::LIFE_MS.unsigned_abs() / 1000,
        expires_at,
        store_root_key: hex::encode(identity.root_key().as_bytes()),
        origin,
    }))
}

/// Ask whether somebody approved.
#[utoipa::path(post, path = "/api/printers/pair/status", tag = "pairing", request_body = PairSession, responses(
    (status = 200, body = PairStatus),
    (status = 404, body = Problem, description = "`pairing_unknown`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
pub(super) async fn status(
    State(identity): State<Identity>,
    ApiJson(request): ApiJson<PairSession>,
) -> Result<Json<PairStatus>, ApiError> {
    let now = identity.now_ms();
    let row = identity.session(&request.session_id).await?;
    let standing = Standing::of(&row, now);
    if standing != Standing::Pending {
        let interval = row.interval_s.unsigned_abs();
        return Ok(Json(PairStatus { status: standing.as_str().to_owned(), interval }));
    }
    identity.0.limits.questions.attempt(&row.secret_hash, now).map_err(too_many)?;
    let (interval, too_soon) = session::asked(row.interval_s, row.asked_at, now);
    let hash = row.secret_hash;
    identity.0.db.write(move |tx| Box::pin(note_question(tx, hash.clone(), interval, now))).await?;
    let status = if too_soon { "slow_down" } else { standing.as_str() };
    Ok(Json(PairStatus { status: status.to_owned(), interval: interval.unsigned_abs() }))
}

/// Take the answer: the printer's token, sealed to its key.
///
/// It can be taken again until the printer has used the token or the session is over; only the last one counts.
#[utoipa::path(post, path = "/api/printers/pair/complete", tag = "pairing", request_body = PairSession, responses(
    (status = 200, body = SealedAnswer),
    (status = 403, body = Problem, description = "`pairing_denied`"),
    (status = 404, body = Problem, description = "`pairing_unknown`"),
    (status = 409, body = Problem, description = "`authorization_pending`, `pairing_completed`"),
    (status = 410, body = Problem, description = "`pairing_expired`"),
))]
pub(super) async fn complete(
    State(identity): State<Identity>,
    protocol: Protocol,
    ApiJson(request): ApiJson<PairSession>,
) -> Result<Json<SealedAnswer>, ApiError> {
    let now = identity.now_ms();
    let session_id = request.session_id;
    let row = identity.session(&session_id).await?;
    let public: PrinterPublic = row.public_key.parse().map_err(ApiError::internal)?;
    let issuer = identity.accounts().tokens().issuer().await?;
    let new_id = PrinterId::generate(&id_bytes(&mut system_rng())).to_string();
    let answer = identity
        .write_again(move |tx| {
            Box::pin(answer(tx, issuer.clone(), row.secret_hash.clone(), new_id.clone(), now))
        })
        .await;
    let answer = points::PAIR_ANSWER.behind(answer)?;
    let grant = Grant {
        origin: identity.0.origin.clone(),
        session: session_id,
        store_root_key: identity.root_key(),
        printer_id: answer.printer_id,
        token: answer.token,
        expires_at: u64::try_from(answer.expires_at).map_err(ApiError::internal)?,
    };
    let mut rng = system_rng();
    let sealed = match protocol {
        Protocol::Sealpost => grant.seal(&public, &mut rng),
        Protocol::Lmnt => grant.seal_for_lmnt(&rfc3339(answer.expires_at * 1000), &public, &mut rng),
    };
    let sealed = sealed.map_err(ApiError::internal)?;
    Ok(Json(sealed_answer(sealed, grant.printer_id, answer.expires_at)))
}

pub(super) fn sealed_answer(sealed: SealedMessage, printer_id: String, expires_at_s: i64) -> SealedAnswer {
    SealedAnswer {
        ciphertext: sealed.ciphertext,
        nonce: sealed.nonce,
        sender_pubkey: sealed.sender_pubkey,
        printer_id: Some(printer_id),
        expires_at: Some(rfc3339(expires_at_s * 1000)),
    }
}

/// A printer's key as it was sent.
///
/// # Errors
/// A key of another type or name, or one that no honest device has.
pub(super) fn printer_key(
    text: &str,
    key_type: &str,
    key_id: Option<&str>,
) -> Result<PrinterPublic, ApiError> {
    let refused = |code, title| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, title);
    if key_type != "x25519" {
        return Err(refused("key_type_unknown", "The printer's key is of another type")
            .hint("Send `x25519` as `key_type` and an X25519 public key."));
    }
    let public: PrinterPublic = text.trim().parse().map_err(|_| {
        refused("public_key_unusable", "The printer's key cannot be used")
            .hint("Send the 32 bytes of an X25519 public key in standard base64.")
    })?;
    if key_id.is_some_and(|id| !id.eq_ignore_ascii_case(&public.key_id())) {
        return Err(refused("key_id_mismatch", "`key_id` does not belong to `public_key`")
            .hint("`key_id` is the lower-hex SHA-256 of the 32 bytes of the key; it may be left out."));
    }
    Ok(public)
}

struct Answer {
    printer_id: String,
    token: SecretText,
    expires_at: i64,
}

impl Identity {
    /// A session by its secret.
    async fn session(&self, session_id: &str) -> Result<pairing::Model, ApiError> {
        let row = pairing::Entity::find_by_id(secret_hash(session_id)).one(self.0.db.read()).await?;
        row.ok_or_else(unknown)
    }
}

async fn insert(tx: &Tx, row: pairing::Model, now: i64) -> Result<(), ApiError> {
    agent::purge(tx, now).await?;
    let waiting = pairing::Entity::find().filter(pairing::Column::ExpiresAt.gt(now)).count(tx).await?;
    if waiting >= MOST_WAITING {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Too many printers are being paired",
        )
        .hint("Try again in some minutes.")
        .retry_after(300));
    }
    pairing::ActiveModel::from(row).insert(tx).await?;
    points::PAIR_START.checked()
}

async fn note_question(tx: &Tx, hash: String, interval: i64, now: i64) -> Result<(), ApiError> {
    pairing::Entity::update_many()
        .col_expr(pairing::Column::IntervalS, Expr::value(interval))
        .col_expr(pairing::Column::AskedAt, Expr::value(now))
        .filter(pairing::Column::SecretHash.eq(hash))
        .exec(tx)
        .await?;
    Ok(())
}

async fn answer(tx: &Tx, issuer: Issuer, hash: String, new_id: String, now: i64) -> Result<Answer, ApiError> {
    // Also holds the row, so that of two answers at once the later one revokes the token of the earlier.
    pairing::Entity::update_many()
        .col_expr(pairing::Column::AskedAt, Expr::value(now))
        .filter(pairing::Column::SecretHash.eq(&hash))
        .exec(tx)
        .await?;
    let row = pairing::Entity::find_by_id(&hash).one(tx).await?.ok_or_else(unknown)?;
    let standing = Standing::of(&row, now);
    let (Standing::Approved, Some(owner)) = (standing, row.approver.clone()) else {
        return Err(refused(standing));
    };
    if let Some(unused) = &row.jti {
        tokens::revoke(tx, unused, now).await?;
    }
    let printer_id = match live_with_key(tx, &row.key_id).await? {
        Some(known) => known.id,
        None => make_printer(tx, &row, new_id, &owner, now).await?,
    };
    let issued = issuer.printer(tx, &printer_id, &owner).await?;
    pairing::Entity::update_many()
        .col_expr(pairing::Column::Printer, Expr::value(printer_id.as_str()))
        .col_expr(pairing::Column::Jti, Expr::value(issued.jti.as_str()))
        .filter(pairing::Column::SecretHash.eq(hash))
        .exec(tx)
        .await?;
    points::PAIR_ANSWER.checked()?;
    Ok(Answer { printer_id, token: issued.token, expires_at: issued.expires_at })
}

/// The printer that has this key and was not removed.
pub(super) async fn live_with_key(tx: &Tx, key_id: &str) -> Result<Option<printer::Model>, DbErr> {
    printer::Entity::find()
        .filter(printer::Column::KeyId.eq(key_id))
        .filter(printer::Column::RemovedAt.is_null())
        .one(tx)
        .await
}

async fn make_printer(
    tx: &Tx,
    session: &pairing::Model,
    id: String,
    owner: &str,
    now: i64,
) -> Result<String, ApiError> {
    let described: PrinterDescription =
        serde_json::from_str(&session.description).map_err(ApiError::internal)?;
    let name = session.name.clone().or(described.name).unwrap_or_else(|| "Printer".to_owned());
    let row = printer::ActiveModel {
        id: Set(id.clone()),
        owner: Set(owner.to_owned()),
        name: Set(name),
        description: Set(String::new()),
        manufacturer: Set(described.manufacturer.unwrap_or_default()),
        model: Set(described.model.unwrap_or_default()),
        extruders: Set(described.extruder_count.and_then(|count| i32::try_from(count).ok())),
        public_key: Set(session.public_key.clone()),
        key_id: Set(session.key_id.clone()),
        sealpost_agent: Set(session.sealpost_agent),
        active_jti: Set(None),
        created_at: Set(now),
        last_seen_at: Set(None),
        removed_at: Set(None),
        agent: Set(None),
        reduced: Set(None),
    };
    row.insert(tx).await?;
    Ok(id)
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "pairing_unknown", "There is no such pairing session")
        .hint("Start pairing again.")
}

fn refused(standing: Standing) -> ApiError {
    let (status, code, title, hint) = match standing {
        Standing::Denied => (
            StatusCode::FORBIDDEN,
            "pairing_denied",
            "Pairing was refused",
            "Start pairing again if that was a mistake.",
        ),
        Standing::Expired => {
            (StatusCode::GONE, "pairing_expired", "The code has expired", "Start pairing again.")
        }
        Standing::Completed => (
            StatusCode::CONFLICT,
            "pairing_completed",
            "Pairing is complete already",
            "Go on with the token of the first answer, or start pairing again if it was lost.",
        ),
        Standing::Approved | Standing::Pending => (
            StatusCode::CONFLICT,
            "authorization_pending",
            "Nobody has approved the printer yet",
            "Ask `/api/printers/pair/status` until it says `approved`.",
        ),
    };
    ApiError::new(status, code, title).hint(hint)
}
