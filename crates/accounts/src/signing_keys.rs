//! The server's Ed25519 keys: made once, sealed at rest, rotated.

use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use sealpost_database::{Clock, Database, Tx};
use sealpost_envelope::{SigningKey, VerifyingKey, keyset};
use sealpost_keyring::{KekProvider, SealedKey, open, seal};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{ApiError, audit, audit::Actor, entity::signing_key, random::system_rng};

/// What a key signs. A key is never used for two purposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyPurpose {
    /// Key sets; printers pin it, so it is not rotated.
    Root,
    /// Job manifests.
    Jobs,
    /// Tokens.
    Tokens,
}

impl KeyPurpose {
    /// How rows name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Jobs => "jobs",
            Self::Tokens => "tokens",
        }
    }
}

/// The key that signs now.
#[derive(Clone)]
pub struct ActiveKey {
    /// `sealpost_envelope::keyset::key_id` of the public key.
    pub kid: String,
    /// The secret; `SigningKey` erases itself.
    pub secret: Arc<SigningKey>,
}

impl std::fmt::Debug for ActiveKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActiveKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A key whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// As [`ActiveKey::kid`].
    pub kid: String,
    /// The key.
    pub public: VerifyingKey,
    /// When it is void, milliseconds since 1970; `None` for the one in use.
    pub void_at: Option<i64>,
}

/// The keys of one server.
#[derive(Clone)]
pub struct SigningKeys {
    db: Database,
    clock: Clock,
    keks: Arc<dyn KekProvider>,
}

impl SigningKeys {
    /// The keys kept in `db`, sealed under `keks`.
    pub fn new(db: Database, clock: Clock, keks: Arc<dyn KekProvider>) -> Self {
        Self { db, clock, keks }
    }

    /// Whether anything was sealed in this database yet: signing keys are the first thing a server seals.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn any_sealed(db: &Database) -> Result<bool, ApiError> {
        Ok(signing_key::Entity::find().count(db.read()).await? > 0)
    }

    /// The key that signs for `purpose`; made when there is none.
    ///
    /// # Errors
    /// A database that fails, or a key that does not open.
    pub async fn active(&self, purpose: KeyPurpose) -> Result<ActiveKey, ApiError> {
        if let Some(row) = self.newest(purpose).await? {
            return self.unseal(&row);
        }
        // Of two processes that start at once, the slower one finds the row of the faster.
        match self.insert(purpose, 1, None, Actor::System).await {
            Err(error) if error.is_unique_violation() => {}
            result => result?,
        }
        let row =
            self.newest(purpose).await?.ok_or_else(|| ApiError::internal("a new signing key is missing"))?;
        self.unseal(&row)
    }

    /// All keys whose signatures for `purpose` count now, the newest first.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn valid(&self, purpose: KeyPurpose) -> Result<Vec<PublicKey>, ApiError> {
        let now = self.clock.now_ms();
        let rows = signing_key::Entity::find()
            .filter(signing_key::Column::Purpose.eq(purpose.as_str()))
            .filter(signing_key::Column::VoidAt.is_null().or(signing_key::Column::VoidAt.gt(now)))
            .order_by_desc(signing_key::Column::Generation)
            .all(self.db.read())
            .await?;
        rows.iter()
            .map(|row| {
                let public = keyset::public_key_from_hex(&row.public).map_err(ApiError::internal)?;
                Ok(PublicKey { kid: row.kid.clone(), public, void_at: row.void_at })
            })
            .collect()
    }

    /// Puts a fresh key in front. What older ones signed counts for another `keep_ms` milliseconds: the longest life of
    /// what they sign after an ordinary rotation, 0 when a key was lost to somebody.
    ///
    /// # Errors
    /// The failure of the database; of two rotations at once one fails.
    pub async fn rotate(&self, purpose: KeyPurpose, keep_ms: i64, by: Actor) -> Result<ActiveKey, ApiError> {
        let generation = self.newest(purpose).await?.map_or(1, |row| row.generation + 1);
        self.insert(purpose, generation, Some(keep_ms), by).await?;
        self.active(purpose).await
    }

    async fn newest(&self, purpose: KeyPurpose) -> Result<Option<signing_key::Model>, ApiError> {
        let query = signing_key::Entity::find()
            .filter(signing_key::Column::Purpose.eq(purpose.as_str()))
            .order_by_desc(signing_key::Column::Generation)
            .limit(1);
        Ok(query.one(self.db.read()).await?)
    }

    async fn insert(
        &self,
        purpose: KeyPurpose,
        generation: i64,
        keep_ms: Option<i64>,
        by: Actor,
    ) -> Result<(), ApiError> {
        let mut rng = system_rng();
        let secret = keyset::generate(&mut rng);
        let kid = keyset::key_id(&secret.verifying_key());
        let seed = Zeroizing::new(secret.to_bytes());
        let sealed = seal(self.keks.current(), &seal_purpose(&kid), seed.as_slice(), &mut rng)
            .map_err(ApiError::internal)?
            .to_string();
        let public = hex::encode(secret.verifying_key().as_bytes());
        let now = self.clock.now_ms();
        self.db
            .write(move |tx| {
                let row = signing_key::ActiveModel {
                    kid: Set(kid.clone()),
                    purpose: Set(purpose.as_str().to_owned()),
                    generation: Set(generation),
                    public: Set(public.clone()),
                    sealed: Set(sealed.clone()),
                    created_at: Set(now),
                    void_at: Set(None),
                };
                Box::pin(insert_row(tx, row, keep_ms.map(|keep| now.saturating_add(keep)), by.clone(), now))
            })
            .await
    }

    fn unseal(&self, row: &signing_key::Model) -> Result<ActiveKey, ApiError> {
        let sealed: SealedKey = row.sealed.parse().map_err(ApiError::internal)?;
        let seed = open(&*self.keks, &seal_purpose(&row.kid), &sealed).map_err(ApiError::internal)?;
        let seed: &[u8; 32] = seed.as_slice().try_into().map_err(ApiError::internal)?;
        let secret = SigningKey::from_bytes(seed);
        if keyset::key_id(&secret.verifying_key()) != row.kid {
            return Err(ApiError::internal("a signing key does not belong to its row"));
        }
        Ok(ActiveKey { kid: row.kid.clone(), secret: Arc::new(secret) })
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}

async fn insert_row(
    tx: &Tx,
    row: signing_key::ActiveModel,
    older_void_at: Option<i64>,
    by: Actor,
    now: i64,
) -> Result<(), ApiError> {
    let row = row.insert(tx).await?;
    if let Some(void_at) = older_void_at {
        signing_key::Entity::update_many()
            .col_expr(signing_key::Column::VoidAt, Expr::value(void_at))
            .filter(signing_key::Column::Purpose.eq(row.purpose.as_str()))
            .filter(signing_key::Column::Kid.ne(row.kid.as_str()))
            .filter(signing_key::Column::VoidAt.is_null().or(signing_key::Column::VoidAt.gt(void_at)))
            .exec(tx)
            .await?;
    }
    let details = json!({"purpose": row.purpose, "generation": row.generation});
    audit::record(tx, now, &by, "key.created", &format!("key:{}", row.kid), details).await?;
    Ok(())
}

fn seal_purpose(kid: &str) -> String {
    format!("signing-key/{kid}")
}
