//! Tokens that were issued: signed, counted, revocable at once.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use http::StatusCode;
use rand_core::Rng;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use sealpost_database::{Clock, Database, Tx};
use sealpost_envelope::{SecretText, VerifyingKey};

use crate::{
    ApiError,
    entity::{account, token},
    jwt::{self, PrinterClaims, Registered, TokenError, TokenKind, TokenSigner, UserClaims},
    random::system_rng,
    signing_keys::{KeyPurpose, SigningKeys},
};

/// How long both kinds live, seconds.
///
/// Every use looks the token up, so a revocation counts at once and a long life costs no safety that a short one would
/// give; a command line that asks for the password every hour would make people keep the password in a file.
pub const LIFETIME_S: i64 = 30 * 86_400;

/// How long another process may go on with the keys it knows.
const RING_LIFE_MS: i64 = 60_000;
const RING_MIN_LIFE_MS: i64 = 5_000;

/// A token on its way to its holder.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The JWT.
    pub token: SecretText,
    /// Names it.
    pub jti: String,
    /// Unix seconds.
    pub expires_at: i64,
}

/// Whom a checked token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Account or printer id.
    pub subject: String,
    /// Names the token.
    pub jti: String,
    /// Unix seconds.
    pub expires_at: i64,
    /// Whether it was revoked for a moment that is still to come.
    pub ending: bool,
}

/// A token whose signature, issuer and time are right.
#[derive(Clone, Debug)]
pub struct Genuine {
    kind: TokenKind,
    claims: Registered,
}

impl Genuine {
    /// Whether it is of that kind.
    pub(crate) fn is(&self, kind: TokenKind) -> bool {
        self.kind == kind
    }

    /// Whom it stands for.
    pub(crate) fn holder(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.claims.sub)
    }

    pub(crate) fn user_claims(&self) -> Result<Registered, ApiError> {
        match self.kind {
            TokenKind::User => Ok(self.claims.clone()),
            found => Err(refused(TokenKind::User, TokenError::OtherKind { found })),
        }
    }
}

/// Issues and checks the tokens of one server.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    db: Database,
    clock: Clock,
    issuer: String,
    keys: SigningKeys,
    ring: RwLock<Option<Arc<Ring>>>,
}

struct Ring {
    loaded_at: i64,
    signer: TokenSigner,
    public: HashMap<String, VerifyingKey>,
}

/// What issues tokens inside a transaction.
#[derive(Clone)]
pub struct Issuer {
    ring: Arc<Ring>,
    issuer: String,
    now_ms: i64,
}

impl Tokens {
    pub(crate) fn new(db: Database, clock: Clock, issuer: String, keys: SigningKeys) -> Self {
        Self(Arc::new(Inner { db, clock, issuer, keys, ring: RwLock::new(None) }))
    }

    /// What issues tokens from now on; to be had before a transaction begins.
    ///
    /// # Errors
    /// Keys that cannot be read.
    pub async fn issuer(&self) -> Result<Issuer, ApiError> {
        let ring = self.ring(RING_LIFE_MS).await?;
        Ok(Issuer { ring, issuer: self.0.issuer.clone(), now_ms: self.0.clock.now_ms() })
    }

    /// Checks a token: signature, kind, issuer, time, and that it was not revoked.
    ///
    /// # Errors
    /// A problem with status 401, or 403 for a genuine token of the other kind.
    pub async fn authenticate(&self, kind: TokenKind, token: &str) -> Result<Session, ApiError> {
        let claims = self.verify(kind, token).await?;
        let row = token::Entity::find_by_id(&claims.jti).one(self.0.db.read()).await?;
        self.session(kind, claims, row)
    }

    /// What a token says, if this server signed it and its time is not over: of the likely kind, or else of the other. It may
    /// be revoked.
    pub(crate) async fn genuine(&self, likely: TokenKind, token: &str) -> Option<Genuine> {
        for kind in [likely, likely.other()] {
            match self.verify(kind, token).await {
                Ok(claims) => return Some(Genuine { kind, claims }),
                Err(error) if error.problem().status == 403 => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// Looks whether a genuine token was revoked.
    ///
    /// # Errors
    /// A problem with status 401.
    pub(crate) async fn look_up(&self, token: &Genuine) -> Result<Session, ApiError> {
        let row = token::Entity::find_by_id(&token.claims.jti).one(self.0.db.read()).await?;
        self.session(token.kind, token.claims.clone(), row)
    }

    /// Checks a user's token and fetches the account it stands for, with one look into the database.
    pub(crate) async fn authenticate_user(
        &self,
        token: &str,
    ) -> Result<(Session, Option<account::Model>), ApiError> {
        let claims = self.verify(TokenKind::User, token).await?;
        self.look_up_user(claims).await
    }

    /// As [`Tokens::authenticate_user`], of a token that is genuine.
    ///
    /// # Errors
    /// 401 when it was revoked, 403 when it is a printer's.
    pub(crate) async fn look_up_user(
        &self,
        claims: Registered,
    ) -> Result<(Session, Option<account::Model>), ApiError> {
        let found = token::Entity::find_by_id(&claims.jti).find_also_related(account::Entity);
        let (row, account) = found.one(self.0.db.read()).await?.unzip();
        Ok((self.session(TokenKind::User, claims, row)?, account.flatten()))
    }

    /// Forgets the keys in memory, so that a rotation by this process counts at once.
    pub fn reload(&self) {
        *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Removes rows of tokens that expired; to be called now and then. It writes only where there are some.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn purge_expired(&self) -> Result<u64, ApiError> {
        let now = self.0.clock.now_ms();
        let first = token::Entity::find().filter(token::Column::ExpiresAt.lt(now)).limit(1);
        if first.one(self.0.db.read()).await?.is_none() {
            return Ok(0);
        }
        self.0
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let expired = token::Entity::delete_many().filter(token::Column::ExpiresAt.lt(now));
                    Ok(expired.exec(tx).await?.rows_affected)
                })
            })
            .await
    }

    async fn verify(&self, kind: TokenKind, token: &str) -> Result<Registered, ApiError> {
        let now_s = self.0.clock.now_s();
        let check = |ring: &Ring| {
            jwt::verify(kind, token, &self.0.issuer, now_s, |kid| ring.public.get(kid).copied())
        };
        let claims = match check(&*self.ring(RING_LIFE_MS).await?) {
            Err(TokenError::UnknownKey) => check(&*self.ring(RING_MIN_LIFE_MS).await?),
            result => result,
        };
        claims.map_err(|error| refused(kind, error))
    }

    fn session(
        &self,
        kind: TokenKind,
        claims: Registered,
        row: Option<token::Model>,
    ) -> Result<Session, ApiError> {
        let alive = row.filter(|row| row.kind == kind.as_str() && row.subject == claims.sub);
        match alive {
            Some(row) if row.revoked_at.is_none_or(|at| at > self.0.clock.now_ms()) => {
                let ending = row.revoked_at.is_some();
                Ok(Session { subject: claims.sub, jti: claims.jti, expires_at: claims.exp, ending })
            }
            _ => Err(refused(kind, TokenError::Revoked)),
        }
    }

    async fn ring(&self, max_age_ms: i64) -> Result<Arc<Ring>, ApiError> {
        let now = self.0.clock.now_ms();
        let known = self.0.ring.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(ring) = known
            && (0..max_age_ms).contains(&now.saturating_sub(ring.loaded_at))
        {
            return Ok(ring);
        }
        let active = self.0.keys.active(KeyPurpose::Tokens).await?;
        let public = self.0.keys.valid(KeyPurpose::Tokens).await?;
        let ring = Arc::new(Ring {
            loaded_at: now,
            signer: TokenSigner::new(active.kid, &active.secret),
            public: public.into_iter().map(|key| (key.kid, key.public)).collect(),
        });
        *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = Some(ring.clone());
        Ok(ring)
    }
}

impl Issuer {
    /// Issues a token for a person; `claims` fills in the rest around the common part.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn user(
        &self,
        tx: &Tx,
        subject: &str,
        claims: impl FnOnce(Registered) -> UserClaims,
    ) -> Result<IssuedToken, ApiError> {
        let registered = self.registered(TokenKind::User, subject);
        self.issue(tx, TokenKind::User, registered.clone(), &claims(registered)).await
    }

    /// Issues a token for a printer of that owner.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn printer(&self, tx: &Tx, printer_id: &str, owner: &str) -> Result<IssuedToken, ApiError> {
        let registered = self.registered(TokenKind::Printer, printer_id);
        let claims = PrinterClaims {
            registered: registered.clone(),
            printer_id: printer_id.to_owned(),
            user_id: owner.to_owned(),
        };
        self.issue(tx, TokenKind::Printer, registered, &claims).await
    }

    fn registered(&self, kind: TokenKind, subject: &str) -> Registered {
        let now = self.now_ms.div_euclid(1000);
        let mut jti = [0; 16];
        system_rng().fill_bytes(&mut jti);
        Registered {
            iss: self.issuer.clone(),
            sub: subject.to_owned(),
            aud: kind.audience().to_owned(),
            iat: now,
            nbf: now,
            exp: now + LIFETIME_S,
            jti: hex::encode(jti),
        }
    }

    async fn issue(
        &self,
        tx: &Tx,
        kind: TokenKind,
        registered: Registered,
        claims: &impl serde::Serialize,
    ) -> Result<IssuedToken, ApiError> {
        let token = self.ring.signer.sign(kind, claims).map_err(ApiError::internal)?;
        let row = token::ActiveModel {
            jti: Set(registered.jti.clone()),
            kind: Set(kind.as_str().to_owned()),
            subject: Set(registered.sub),
            issued_at: Set(self.now_ms),
            expires_at: Set(registered.exp * 1000),
            revoked_at: Set(None),
            ..Default::default()
        };
        row.insert(tx).await?;
        let token = SecretText::new(String::clone(&token));
        Ok(IssuedToken { token, jti: registered.jti, expires_at: registered.exp })
    }
}

/// Revokes one token from `at_ms` on.
///
/// # Errors
/// The failure of the database.
pub async fn revoke(tx: &Tx, jti: &str, at_ms: i64) -> Result<(), DbErr> {
    let query = token::Entity::update_many().filter(token::Column::Jti.eq(jti));
    revoke_where(tx, query, at_ms).await
}

/// Revokes all tokens of an account or printer from `at_ms` on, except the one named. A moment a little ahead lets requests
/// end that are under way with an old token.
///
/// # Errors
/// The failure of the database.
pub async fn revoke_all(
    tx: &Tx,
    kind: TokenKind,
    subject: &str,
    except: Option<&str>,
    at_ms: i64,
) -> Result<(), DbErr> {
    let query = token::Entity::update_many()
        .filter(token::Column::Kind.eq(kind.as_str()))
        .filter(token::Column::Subject.eq(subject))
        .filter(token::Column::Jti.ne(except.unwrap_or_default()));
    revoke_where(tx, query, at_ms).await
}

async fn revoke_where(tx: &Tx, query: sea_orm::UpdateMany<token::Entity>, at_ms: i64) -> Result<(), DbErr> {
    query
        .col_expr(token::Column::RevokedAt, Expr::value(at_ms))
        .filter(token::Column::RevokedAt.is_null().or(token::Column::RevokedAt.gt(at_ms)))
        .exec(tx)
        .await
        .map(drop)
}

fn refused(expected: TokenKind, error: TokenError) -> ApiError {
    let (status, code, title) = match error {
        TokenError::Expired => (StatusCode::UNAUTHORIZED, "token_expired", "The token has expired"),
        TokenError::Revoked => (StatusCode::UNAUTHORIZED, "token_revoked", "The token was revoked"),
        TokenError::OtherKind { found: TokenKind::User } => {
            (StatusCode::FORBIDDEN, "printer_token_required", "Only a printer may do this")
        }
        TokenError::OtherKind { found: TokenKind::Printer } => {
            (StatusCode::FORBIDDEN, "user_token_required", "Only a person may do this")
        }
        TokenError::Invalid | TokenError::UnknownKey => {
            (StatusCode::UNAUTHORIZED, "token_invalid", "The token is not valid here")
        }
    };
    let hint = match (expected, status) {
        (TokenKind::User, StatusCode::FORBIDDEN) => "Sign in and send the token of a person.",
        (TokenKind::Printer, StatusCode::FORBIDDEN) => "Send the token the printer got when it was paired.",
        (TokenKind::User, _) => "Sign in again.",
        (TokenKind::Printer, _) => "Ask for a new token with the printer's key, or pair the printer again.",
    };
    ApiError::new(status, code, title).hint(hint)
}
