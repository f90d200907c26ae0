//! `/api/v1/keys/{challenge,mine}` and `POST /api/v1/keys`: whose a wallet's key is, by proof. Whoever pays for a key pays for its holder.
//!
//! The store keeps nothing of a challenge: its secret is derived from a secret of the store, the account, the key and the hour. An
//! answer is good for this account and key alone, for two hours at most, and shows again what it showed before: that this account
//! holds the key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, SqlErr};
use sealpost_accounts::limit::Limiter;
use sealpost_accounts::{ApiError, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::chain::{KeyChallenge, KeyLinked, KeyList, KeyProof, LinkedKey, WalletKey};
use sealpost_api::purchase::Recipient;
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use sealpost_envelope::{Dek, ecdh, key_proof};
use sealpost_market::DeviceKey;
use serde_json::json;
use sha2::Sha256;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::wallet;
use crate::fault::{Fault, Result};
use crate::http::body::Body;
use crate::plugins::recipient;
use crate::random;
use crate::schema::linked_key::{ActiveModel, Column, Entity, Model};
use crate::state::AppState;

const LABEL: &str = "sealpost-key-challenge-v1";
const HOUR_S: i64 = 3_600;
/// Keys shown at most.
const MOST: usize = 1_000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(challenge)).routes(routes!(prove)).routes(routes!(list))
}

/// What challenges are made of, and how many somebody may ask for.
#[derive(Debug)]
pub(crate) struct Proofs {
    secret: ProofSecret,
    asked: Limiter,
}

struct ProofSecret(Zeroizing<[u8; 32]>);

impl Proofs {
    pub(crate) fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self { secret: ProofSecret(secret), asked: Limiter::new(30, 2_000) }
    }

    /// The secret of a challenge of that hour.
    fn challenge(&self, context: &str, key: &DeviceKey, hour: i64) -> Result<Dek> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.secret.0).map_err(Fault::internal)?;
        for part in [LABEL, context, &key.curve, &key.public_key] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&hour.to_be_bytes());
        Ok(Dek::from_bytes(mac.finalize().into_bytes().into()))
    }

    fn attempt(&self, user: &UserAuth, now_ms: i64) -> Result<()> {
        self.asked.attempt(user.id().as_str(), now_ms).map_err(|seconds| {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many proofs of keys")
                .hint("Wait a little and try again.")
                .retry_after(seconds)
                .into()
        })
    }
}

/// Begin to prove that a wallet's key is yours: what is in the envelope is known to its holder alone.
#[utoipa::path(post, path = "/api/v1/keys/challenge", tag = "buy", request_body = WalletKey, responses(
    (status = 200, body = KeyChallenge),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 422, body = Problem, description = "`envelope_public_key`, `envelope_unknown_curve`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn challenge(
    State(state): State<AppState>,
    user: UserAuth,
    Body(new): Body<WalletKey>,
) -> Result<Json<KeyChallenge>> {
    let key = read(&new.curve, &new.public_key)?;
    let now = state.clock.now_s();
    state.proofs.attempt(&user, state.clock.now_ms())?;
    let hour = now.div_euclid(HOUR_S);
    let context = key_proof::context(&state.origin, user.id().as_str()).map_err(Fault::internal)?;
    let secret = state.proofs.challenge(&context, &key, hour)?;
    let curve = key.curve.parse().map_err(Fault::internal)?;
    let recipient = ecdh::Recipient::from_hex(curve, &key.public_key).map_err(Fault::internal)?;
    let envelope = ecdh::wrap(&secret, &recipient, &context, &mut random::rng()).map_err(Fault::internal)?;
    Ok(Json(KeyChallenge {
        envelope: serde_json::to_value(envelope)?,
        context,
        expires_in: ((hour + 2) * HOUR_S - now).unsigned_abs(),
    }))
}

/// Prove that a wallet's key is yours. What was bought with it without an account is yours from now on, and so is what is paid for
/// it on chain. Of two people who prove the same key, the later one is its holder.
#[utoipa::path(post, path = "/api/v1/keys", tag = "buy", request_body = KeyProof, responses(
    (status = 201, body = KeyLinked),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`key_proof_wrong`"),
    (status = 422, body = Problem, description = "`envelope_public_key`, `envelope_unknown_curve`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn prove(
    State(state): State<AppState>,
    user: UserAuth,
    Body(proof): Body<KeyProof>,
) -> Result<(StatusCode, Json<KeyLinked>)> {
    let key = read(&proof.curve, &proof.public_key)?;
    let (now, now_ms) = (state.clock.now_s(), state.clock.now_ms());
    state.proofs.attempt(&user, now_ms)?;
    let context = key_proof::context(&state.origin, user.id().as_str()).map_err(Fault::internal)?;
    let hour = now.div_euclid(HOUR_S);
    let mut right = false;
    for hour in [hour, hour - 1] {
        let secret = state.proofs.challenge(&context, &key, hour)?;
        right |= key_proof::check(&secret, &context, &proof.answer);
    }
    if !right {
        return Err(wrong());
    }
    let shared = Arc::new((state.clone(), user, key));
    let linked = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, user, key) = &*shared;
                link(state, tx, user, key).await
            })
        })
        .await?;
    Ok((StatusCode::CREATED, Json(linked)))
}

/// The keys that are yours, the one proved last first.
#[utoipa::path(get, path = "/api/v1/keys/mine", tag = "buy", responses(
    (status = 200, body = KeyList),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(State(state): State<AppState>, user: UserAuth) -> Result<Json<KeyList>> {
    let rows = Entity::find()
        .filter(Column::Account.eq(user.id().as_str()))
        .order_by_desc(Column::ProvedAt)
        .order_by_asc(Column::PublicKey)
        .all(state.db.read())
        .await?;
    Ok(Json(KeyList { keys: rows.iter().take(MOST).map(to_api).collect() }))
}

async fn link(state: &AppState, tx: &Tx, user: &UserAuth, key: &DeviceKey) -> Result<KeyLinked> {
    wallet::take_turns(tx, key).await?;
    let now = state.clock.now_ms();
    let row = Model {
        curve: key.curve.clone(),
        public_key: key.public_key.clone(),
        account: user.id().to_string(),
        proved_at: now,
    };
    let before = Entity::find_by_id((row.curve.clone(), row.public_key.clone())).one(tx).await?;
    match &before {
        Some(_) => {
            let change =
                ActiveModel { account: Set(row.account.clone()), proved_at: Set(now), ..Default::default() };
            Entity::update_many()
                .set(change)
                .filter(Column::Curve.eq(&row.curve))
                .filter(Column::PublicKey.eq(&row.public_key))
                .exec(tx)
                .await?;
        }
        None => {
            let inserted = Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await;
            inserted.map_err(|error| match error.sql_err() {
                // Two prove it at the same time; the later one reads the earlier one's row.
                Some(SqlErr::UniqueConstraintViolation(_)) => Fault::Conflict,
                _ => error.into(),
            })?;
        }
    }
    let before = before.map(|before| before.account);
    if before.as_ref() != Some(&row.account) {
        let subject = format!("key:{}:{}", row.curve, row.public_key);
        audit::record(tx, now, &user.actor(), "key.linked", &subject, json!({ "before": before })).await?;
    }
    let licences = wallet::hand_over(state, tx, key, user).await?;
    Ok(KeyLinked { key: to_api(&row), licences })
}

/// A key, by the same reading as devices have.
fn read(curve: &str, public_key: &str) -> Result<DeviceKey> {
    let new =
        Recipient { curve: curve.to_owned(), public_key: public_key.to_owned(), index: None, name: None };
    Ok(recipient::read(&new)?.device.key)
}

fn to_api(row: &Model) -> LinkedKey {
    LinkedKey {
        curve: row.curve.clone(),
        public_key: row.public_key.clone(),
        proved_at: rfc3339(row.proved_at),
    }
}

fn wrong() -> Fault {
    Problem::new(403, "key_proof_wrong", "This does not prove the key")
        .detail("The answer is not the one to a challenge of yours for this key, or it is older than an hour.")
        .hint("Ask for a new challenge with POST /api/v1/keys/challenge, and answer it with the same account and key.")
        .into()
}

impl std::fmt::Debug for ProofSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
