//! What the store signs with: its root, and the versions of the key set that printers take by it.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{Json, extract::State};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, QueryOrder, QuerySelect};
use sealpost_accounts::{
    Actor, ApiError, KeyPurpose, OperatorAuth,
    extract::ApiJson,
    signing_keys::{ActiveKey, PublicKey},
};
use sealpost_api::{
    Problem,
    printer::{RotateKey, RotatedKey, SignedKeySet},
};
use sealpost_envelope::{KeySet, KeyUse, SigningKey, VerifyingKey, keyset::SetKey};
use sealpost_faults::{pass, point};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Identity, entity::key_set};
use crate::points;

/// How long another process may go on with the keys it knows.
const CACHE_MS: i64 = 30_000;
/// Job manifests and tokens live at most 30 days; their keys count one day longer.
const KEEP_MS: i64 = 31 * 86_400_000;

/// The keys in force.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Version of the signed set.
    pub(crate) version: u64,
    /// The signed set, a compact JWS.
    pub(crate) signed: String,
    /// What job manifests are signed with.
    pub(crate) jobs: ActiveKey,
    jwks: Vec<PublicKey>,
}

#[derive(Default)]
pub(super) struct Cache(RwLock<Option<(i64, Arc<Keys>)>>);

impl Identity {
    /// The root's public key, which printers pin.
    pub(crate) fn root_key(&self) -> VerifyingKey {
        self.0.root.verifying_key()
    }

    /// The keys in force; a new version of the set is signed when keys came or went.
    ///
    /// # Errors
    /// The failure of the database, or a key that does not open.
    pub(crate) async fn keys(&self) -> Result<Arc<Keys>, ApiError> {
        let now = self.now_ms();
        let cached = self.0.key_cache.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((loaded_at, keys)) = cached
            && (0..CACHE_MS).contains(&now.saturating_sub(loaded_at))
        {
            return Ok(keys);
        }
        let keys = Arc::new(self.load_keys().await?);
        *self.0.key_cache.0.write().unwrap_or_else(PoisonError::into_inner) = Some((now, keys.clone()));
        Ok(keys)
    }

    /// Puts a fresh key for jobs or tokens in force. What the older one signed goes on to count, unless it was `lost` to
    /// somebody.
    ///
    /// # Errors
    /// The failure of the database.
    async fn rotate_key(&self, purpose: KeyPurpose, lost: bool, by: Actor) -> Result<(), ApiError> {
        let keep = if lost { 0 } else { KEEP_MS };
        pass(points::ROTATE).map_err(points::failed)?;
        self.accounts().signing_keys().rotate(purpose, keep, by).await?;
        point(points::ROTATED);
        self.accounts().tokens().reload();
        *self.0.key_cache.0.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.keys().await.map(drop)
    }

    async fn load_keys(&self) -> Result<Keys, ApiError> {
        let signing_keys = self.accounts().signing_keys();
        let jobs = signing_keys.active(KeyPurpose::Jobs).await?;
        signing_keys.active(KeyPurpose::Tokens).await?;
        let job_keys = signing_keys.valid(KeyPurpose::Jobs).await?;
        let token_keys = signing_keys.valid(KeyPurpose::Tokens).await?;
        let set_keys: Vec<SetKey> = job_keys
            .iter()
            .map(|key| SetKey::new(KeyUse::Jobs, key.public))
            .chain(token_keys.iter().map(|key| SetKey::new(KeyUse::Tokens, key.public)))
            .collect();
        let covers = covers(&self.0.origin, &self.root_key(), &set_keys);
        // Another process may sign the next version at the same moment: then its version is the one.
        for _ in 0..5 {
            let newest = key_set::Entity::find().order_by_desc(key_set::Column::Version).limit(1);
            let newest = newest.one(self.0.db.read()).await?;
            match newest {
                Some(row) if row.covers == covers => {
                    let version = u64::try_from(row.version).map_err(ApiError::internal)?;
                    let jwks = job_keys.into_iter().chain(token_keys).collect();
                    return Ok(Keys { version, signed: row.jws, jobs, jwks });
                }
                newest => {
                    let version = newest.map_or(1, |row| row.version + 1);
                    match self.sign_set(version, &set_keys, &covers).await {
                        Err(error) if error.is_unique_violation() => {}
                        result => result?,
                    }
                }
            }
        }
        Err(ApiError::internal("the key set keeps changing"))
    }

    async fn sign_set(&self, version: i64, keys: &[SetKey], covers: &str) -> Result<(), ApiError> {
        let now = self.now_ms();
        let set = KeySet {
            iss: self.0.origin.clone(),
            version: u64::try_from(version).map_err(ApiError::internal)?,
            iat: u64::try_from(now.div_euclid(1000)).map_err(ApiError::internal)?,
            keys: keys.to_vec(),
        };
        let jws = set.sign(&self.0.root).map_err(ApiError::internal)?;
        let covers = covers.to_owned();
        let signed = self
            .0
            .db
            .write(move |tx| {
                let row = key_set::ActiveModel {
                    version: Set(version),
                    jws: Set(jws.clone()),
                    covers: Set(covers.clone()),
                    created_at: Set(now),
                };
                Box::pin(async move {
                    row.insert(tx).await?;
                    points::KEY_SET.checked()
                })
            })
            .await;
        points::KEY_SET.behind(signed)
    }
}

/// The root that is read once at the start.
pub(super) async fn root(accounts: &sealpost_accounts::Accounts) -> Result<Arc<SigningKey>, ApiError> {
    Ok(accounts.signing_keys().active(KeyPurpose::Root).await?.secret)
}

/// The store's signed key set, for printers that pinned its root.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", responses((status = 200, body = SignedKeySet)))]
pub(super) async fn signed_keys(State(identity): State<Identity>) -> Result<Json<SignedKeySet>, ApiError> {
    let keys = identity.keys().await?;
    Ok(Json(SignedKeySet { key_set: keys.signed.clone() }))
}

/// Put a fresh signing key in force (operators).
#[utoipa::path(post, path = "/api/v1/keys/rotate", tag = "keys", request_body = RotateKey, responses(
    (status = 200, body = SignedKeySet),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
pub(super) async fn rotate(
    State(identity): State<Identity>,
    operator: OperatorAuth,
    ApiJson(request): ApiJson<RotateKey>,
) -> Result<Json<SignedKeySet>, ApiError> {
    let purpose = match request.key {
        RotatedKey::Jobs => KeyPurpose::Jobs,
        RotatedKey::Tokens => KeyPurpose::Tokens,
    };
    identity.rotate_key(purpose, request.lost, operator.0.actor()).await?;
    Ok(Json(SignedKeySet { key_set: identity.keys().await?.signed.clone() }))
}

/// The store's public keys as a JWK set (RFC 7517, RFC 8037), for others.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "keys", responses((status = 200, body = JwkSet)))]
pub(super) async fn jwks(State(identity): State<Identity>) -> Result<Json<JwkSet>, ApiError> {
    let keys = identity.keys().await?;
    Ok(Json(JwkSet { keys: keys.jwks.iter().map(Jwk::from).collect() }))
}

/// RFC 7517, section 5.
#[derive(Serialize, ToSchema)]
pub(super) struct JwkSet {
    keys: Vec<Jwk>,
}

/// An Ed25519 key (RFC 8037, section 2).
#[derive(Serialize, ToSchema)]
struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    key_use: &'static str,
    kid: String,
    x: String,
}

impl From<&PublicKey> for Jwk {
    fn from(key: &PublicKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            key_use: "sig",
            kid: key.kid.clone(),
            x: BASE64_URL_SAFE_NO_PAD.encode(key.public.as_bytes()),
        }
    }
}

fn covers(origin: &str, root: &VerifyingKey, keys: &[SetKey]) -> String {
    let mut kids: Vec<String> = keys.iter().map(|key| format!("{:?}:{}", key.key_use, key.kid)).collect();
    kids.sort();
    format!("{origin} {} {}", hex::encode(root.as_bytes()), kids.join(" "))
}
