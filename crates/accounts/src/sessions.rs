//! Where somebody is signed in: browsers by a secret in a cookie, of which the hash is kept, and programs by tokens.

use http::{HeaderMap, StatusCode};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use sealpost_api::account::{SignIn, SignIns};
use sealpost_database::{Tx, clock::rfc3339};
use sealpost_market::AccountId;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    ApiError,
    accounts::{Accounts, Person},
    audit,
    audit::Actor,
    entity::{account, token},
    extract::ClientAddress,
    jwt::TokenKind,
    random::{secret, secret_hash, system_rng},
};

/// How rows name sign-ins of browsers.
pub(crate) const KIND: &str = "browser";
/// How long a browser stays signed in, seconds.
pub(crate) const LIFE_S: i64 = 30 * 86_400;
/// How long without a request.
const IDLE_MS: i64 = 7 * 86_400_000;
/// How often the last request is written down at most.
const SEEN_EVERY_MS: i64 = 3_600_000;
/// Letters of a hash that name a sign-in to its owner.
const NAME_LEN: usize = 32;
/// Letters of what a browser says of itself.
const AGENT_LEN: usize = 160;
/// Sign-ins that are shown.
const SHOWN: u64 = 500;

/// What begins a browser's sign-in.
#[derive(Clone, Debug)]
pub(crate) struct Begin {
    hash: String,
    agent: String,
    address: String,
    /// What the browser was signed in by so far: it ends.
    earlier: Option<String>,
}

impl Begin {
    /// A fresh secret for the browser that sent these headers, and what is kept of it. Nothing that it brought is used again.
    pub(crate) fn new(
        headers: &HeaderMap,
        brought: Option<&str>,
        from: ClientAddress,
    ) -> (Zeroizing<String>, Self) {
        let secret = secret(&mut system_rng());
        let agent = headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let agent = agent.unwrap_or_default().chars().take(AGENT_LEN).collect();
        let address = from.0.to_canonical().to_string();
        let begin = Self { hash: secret_hash(&secret), agent, address, earlier: brought.map(secret_hash) };
        (secret, begin)
    }

    /// Keeps it: its name in the audit log.
    pub(crate) async fn keep(&self, tx: &Tx, account: &str, now: i64) -> Result<String, ApiError> {
        if let Some(earlier) = &self.earlier {
            // Whoever's it was: this browser held its secret, and holds it no more.
            let ended = living(now).filter(token::Column::Kind.eq(KIND));
            ended.filter(token::Column::Jti.eq(earlier)).exec(tx).await?;
        }
        let row = token::ActiveModel {
            jti: Set(self.hash.clone()),
            kind: Set(KIND.to_owned()),
            subject: Set(account.to_owned()),
            issued_at: Set(now),
            expires_at: Set(now + LIFE_S * 1000),
            revoked_at: Set(None),
            seen_at: Set(Some(now)),
            agent: Set(Some(self.agent.clone())),
            address: Set(Some(self.address.clone())),
        };
        row.insert(tx).await?;
        Ok(name(&self.hash).to_owned())
    }
}

impl Accounts {
    /// The person behind the secret of a cookie.
    ///
    /// # Errors
    /// 401 when it is of no sign-in, or of one that ended; when the account is gone or disabled.
    pub(crate) async fn browser(&self, secret: &str) -> Result<Person, ApiError> {
        let now = self.now_ms();
        let hash = secret_hash(secret);
        let found = token::Entity::find_by_id(&hash).find_also_related(account::Entity);
        let (row, account) = found.one(self.db().read()).await?.unzip();
        let row = row.filter(|row| row.kind == KIND && is_alive(row, now)).ok_or_else(ended)?;
        let seen = row.seen_at.unwrap_or(row.issued_at);
        if !(0..SEEN_EVERY_MS).contains(&now.saturating_sub(seen)) {
            self.note_seen(hash, now);
        }
        self.standing(account.flatten(), row.jti)
    }

    /// The person as they stand now, if the sign-in they came by goes on: for answers that last longer than a moment, which count as
    /// requests for as long as they last.
    ///
    /// # Errors
    /// 401 when the sign-in ended, or the account is gone or disabled.
    pub async fn still(&self, person: &Person) -> Result<Person, ApiError> {
        let now = self.now_ms();
        let found = token::Entity::find_by_id(&person.jti).find_also_related(account::Entity);
        let (row, account) = found.one(self.db().read()).await?.unzip();
        let row = row.filter(|row| row.subject == person.id.as_str() && is_alive(row, now));
        let row = row.ok_or_else(ended)?;
        let seen = row.seen_at.unwrap_or(row.issued_at);
        if row.kind == KIND && !(0..SEEN_EVERY_MS).contains(&now.saturating_sub(seen)) {
            self.note_seen(row.jti.clone(), now);
        }
        self.standing(account.flatten(), row.jti)
    }

    /// Where somebody is signed in, the newest first.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn sign_ins(&self, person: &Person) -> Result<SignIns, ApiError> {
        let now = self.now_ms();
        let rows = of(person.id.as_str())
            .filter(token::Column::RevokedAt.is_null())
            .filter(token::Column::ExpiresAt.gt(now))
            .order_by_desc(token::Column::IssuedAt)
            .limit(SHOWN)
            .all(self.db().read())
            .await?;
        let shown = rows.into_iter().filter(|row| is_alive(row, now)).map(|row| SignIn {
            id: name(&row.jti).to_owned(),
            kind: if row.kind == KIND { KIND } else { "token" }.to_owned(),
            current: row.jti == person.jti,
            created_at: rfc3339(row.issued_at),
            last_seen: row.seen_at.map(rfc3339),
            expires_at: rfc3339(row.expires_at),
            agent: row.agent.filter(|agent| !agent.is_empty()),
            address: row.address,
        });
        Ok(SignIns { sign_ins: shown.collect() })
    }

    /// Ends one of somebody's sign-ins.
    ///
    /// # Errors
    /// 404 where they have none of that name.
    pub async fn end_sign_in(&self, person: &Person, wanted: &str) -> Result<(), ApiError> {
        let rows = of(person.id.as_str()).filter(token::Column::RevokedAt.is_null()).all(self.db().read());
        let row = rows.await?.into_iter().find(|row| name(&row.jti) == wanted).ok_or_else(|| {
            ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found")
                .detail("There is no such sign-in, or it is not yours, or it has ended.")
                .hint("GET /api/v1/me/sessions lists them.")
        })?;
        self.end_all(person, Some(row.jti)).await
    }

    /// Ends all of somebody's sign-ins, this one too.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn end_sign_ins(&self, person: &Person) -> Result<(), ApiError> {
        self.end_all(person, None).await
    }

    /// Ends the sign-in of a browser, if the secret of its cookie is of one.
    ///
    /// # Errors
    /// The failure of the database: then it may not have ended.
    pub(crate) async fn leave(&self, secret: &str) -> Result<(), ApiError> {
        match self.browser(secret).await {
            Ok(person) => self.logout(&person).await,
            Err(error) if error.problem().status == StatusCode::UNAUTHORIZED.as_u16() => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn end_all(&self, person: &Person, one: Option<String>) -> Result<(), ApiError> {
        let (id, now) = (person.id.clone(), self.now_ms());
        self.db()
            .write(move |tx| {
                let (id, one) = (id.clone(), one.clone());
                Box::pin(async move {
                    match &one {
                        Some(jti) => end(tx, id.as_str(), &[jti], now).await?,
                        None => end_others(tx, id.as_str(), None, now).await?,
                    }
                    let details =
                        one.as_deref().map_or(json!({"all": true}), |jti| json!({"jti": name(jti)}));
                    Ok(signed_out(tx, &id, details, now).await?)
                })
            })
            .await
    }

    /// Nobody waits for it.
    fn note_seen(&self, hash: String, now: i64) {
        let db = self.db().clone();
        tokio::spawn(async move {
            let written = db.write(move |tx| {
                let seen = token::Entity::update_many()
                    .col_expr(token::Column::SeenAt, Expr::value(now))
                    .filter(token::Column::Jti.eq(&hash));
                Box::pin(async move { seen.exec(tx).await.map(drop) })
            });
            if let Err(error) = written.await {
                tracing::warn!(%error, "when a browser was last seen is not written down");
            }
        });
    }
}

/// Ends all sign-ins of an account, of browsers and of programs, but for one.
pub(crate) async fn end_others(tx: &Tx, account: &str, except: Option<&str>, now: i64) -> Result<(), DbErr> {
    // One that is just beginning has this row: it is seen below.
    account::Entity::find_by_id(account).lock_exclusive().one(tx).await?;
    ending(account, now).filter(token::Column::Jti.ne(except.unwrap_or_default())).exec(tx).await.map(drop)
}

/// How the audit log and its owner name a sign-in. Of a secret's hash a part is enough, and leads nowhere.
pub(crate) fn name(jti: &str) -> &str {
    jti.get(..NAME_LEN).unwrap_or(jti)
}

/// That somebody signed out.
pub(crate) async fn signed_out(
    tx: &Tx,
    id: &AccountId,
    details: serde_json::Value,
    now: i64,
) -> Result<(), DbErr> {
    let actor = Actor::User(id.to_string());
    audit::record(tx, now, &actor, "account.signed_out", &format!("account:{id}"), details).await
}

async fn end(tx: &Tx, account: &str, ids: &[&String], now: i64) -> Result<(), DbErr> {
    let ids = ids.iter().map(|id| id.as_str());
    ending(account, now).filter(token::Column::Jti.is_in(ids)).exec(tx).await.map(drop)
}

fn ending(account: &str, now: i64) -> sea_orm::UpdateMany<token::Entity> {
    living(now)
        .filter(token::Column::Subject.eq(account))
        .filter(token::Column::Kind.is_in([KIND, TokenKind::User.as_str()]))
}

fn living(now: i64) -> sea_orm::UpdateMany<token::Entity> {
    token::Entity::update_many()
        .col_expr(token::Column::RevokedAt, Expr::value(now))
        .filter(token::Column::RevokedAt.is_null().or(token::Column::RevokedAt.gt(now)))
}

fn of(account: &str) -> sea_orm::Select<token::Entity> {
    token::Entity::find()
        .filter(token::Column::Subject.eq(account))
        .filter(token::Column::Kind.is_in([KIND, TokenKind::User.as_str()]))
}

fn is_alive(row: &token::Model, now: i64) -> bool {
    let idle = row.kind == KIND && now.saturating_sub(row.seen_at.unwrap_or(row.issued_at)) > IDLE_MS;
    row.revoked_at.is_none_or(|at| at > now) && row.expires_at > now && !idle
}

fn ended() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "session_ended", "The sign-in of this browser has ended")
        .hint("Sign in again.")
}
