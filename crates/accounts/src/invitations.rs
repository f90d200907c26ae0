//! Invitations: where sign-up is for those whom an operator asked in. Of a code the hash alone is kept.

use std::net::IpAddr;

use http::StatusCode;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use sealpost_database::Tx;
use sealpost_envelope::SecretText;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    ApiError,
    accounts::{Accounts, Person, too_many},
    audit,
    audit::Actor,
    entity::{account, invitation},
    random::{secret, secret_hash, system_rng},
};

/// How long one counts.
const LIFE_MS: i64 = 14 * 86_400_000;
/// Letters of a hash that name an invitation.
const NAME_LEN: usize = 16;
/// Invitations that are shown.
const SHOWN: u64 = 200;

/// An invitation, without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Names it; no secret.
    pub id: String,
    /// For whom, in the operator's words.
    pub note: String,
    /// When, milliseconds since 1970, as all times here.
    pub created_at: i64,
    /// Until when it counts.
    pub expires_at: i64,
    /// When somebody came by it.
    pub used_at: Option<i64>,
    /// The name of who came by it.
    pub username: Option<String>,
}

impl Accounts {
    /// Makes an invitation for one person: its code, which is told this once.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn invite(
        &self,
        operator: &Person,
        note: String,
    ) -> Result<(SecretText, Invitation), ApiError> {
        let code = secret(&mut system_rng());
        let now = self.now_ms();
        let row = invitation::Model {
            hash: secret_hash(&code),
            note,
            invited_by: operator.id.to_string(),
            created_at: now,
            expires_at: now + LIFE_MS,
            used_at: None,
            account: None,
        };
        let made = shown(&row, None);
        let (subject, actor) = (subject(&row.hash), Actor::User(operator.id.to_string()));
        self.db()
            .write(move |tx| {
                let (row, subject, actor) = (row.clone(), subject.clone(), actor.clone());
                Box::pin(async move {
                    let details = json!({"note": row.note});
                    invitation::ActiveModel::from(row).reset_all().insert(tx).await?;
                    audit::record(tx, now, &actor, "invitation.made", &subject, details).await?;
                    Ok::<_, ApiError>(())
                })
            })
            .await?;
        Ok((SecretText::new(String::clone(&code)), made))
    }

    /// The newest invitations.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, ApiError> {
        let rows = invitation::Entity::find()
            .order_by_desc(invitation::Column::CreatedAt)
            .order_by_desc(invitation::Column::Hash)
            .limit(SHOWN)
            .all(self.db().read())
            .await?;
        let ids: Vec<&str> = rows.iter().filter_map(|row| row.account.as_deref()).collect();
        let people = account::Entity::find().filter(account::Column::Id.is_in(ids));
        let people = people.all(self.db().read()).await?;
        let name = |id: &str| people.iter().find(|row| row.id == id).map(|row| row.username.clone());
        Ok(rows.iter().map(|row| shown(row, row.account.as_deref().and_then(name))).collect())
    }

    /// Takes back an invitation that nobody used.
    ///
    /// # Errors
    /// 404 where there is none of that name.
    pub async fn uninvite(&self, operator: &Person, id: &str) -> Result<(), ApiError> {
        let (actor, id, now) = (Actor::User(operator.id.to_string()), id.to_owned(), self.now_ms());
        self.db()
            .write(move |tx| {
                let (actor, id) = (actor.clone(), id.clone());
                Box::pin(async move {
                    let open = invitation::Entity::find().filter(invitation::Column::UsedAt.is_null());
                    let row = open.all(tx).await?.into_iter().find(|row| name(&row.hash) == id);
                    let row = row.ok_or_else(unknown)?;
                    let ended = invitation::Entity::delete_many()
                        .filter(invitation::Column::Hash.eq(&row.hash))
                        .filter(invitation::Column::UsedAt.is_null())
                        .exec(tx)
                        .await?;
                    if ended.rows_affected != 1 {
                        return Err(unknown());
                    }
                    let (subject, details) = (subject(&row.hash), json!({"note": row.note}));
                    audit::record(tx, now, &actor, "invitation.taken_back", &subject, details).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Refuses a code that lets nobody in. Guesses are counted as wrong passwords are.
    pub(crate) async fn check_invitation(&self, code: Option<&str>, from: IpAddr) -> Result<(), ApiError> {
        let code = Zeroizing::new(code.unwrap_or_default().to_owned());
        if code.is_empty() {
            return Err(needed());
        }
        let now = self.now_ms();
        self.guesses().attempt(from, now).map_err(too_many)?;
        let row = invitation::Entity::find_by_id(secret_hash(&code)).one(self.db().read()).await?;
        if !row.is_some_and(|row| row.used_at.is_none() && row.expires_at > now) {
            return Err(invalid());
        }
        self.guesses().refund(from);
        Ok(())
    }
}

/// Of two who come by one invitation, the first comes in.
pub(crate) async fn use_up(tx: &Tx, hash: &str, account: &str, now: i64) -> Result<(), ApiError> {
    let used = invitation::Entity::update_many()
        .col_expr(invitation::Column::UsedAt, Expr::value(now))
        .col_expr(invitation::Column::Account, Expr::value(account))
        .filter(invitation::Column::Hash.eq(hash))
        .filter(invitation::Column::UsedAt.is_null())
        .filter(invitation::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    if used.rows_affected == 1 { Ok(()) } else { Err(invalid()) }
}

fn shown(row: &invitation::Model, username: Option<String>) -> Invitation {
    Invitation {
        id: name(&row.hash).to_owned(),
        note: row.note.clone(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_at: row.used_at,
        username,
    }
}

/// Of a secret's hash a part is enough, and leads nowhere.
fn name(hash: &str) -> &str {
    hash.get(..NAME_LEN).unwrap_or(hash)
}

fn subject(hash: &str) -> String {
    format!("invitation:{}", name(hash))
}

pub(crate) fn needed() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "invitation_needed", "Sign-up needs an invitation here")
        .hint("Ask the operator of this server for one, and open the link in it.")
}

fn invalid() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "invitation_invalid", "The invitation is used or expired")
        .hint("Ask the operator of this server for a new one.")
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found")
        .detail("There is no such invitation, or somebody came by it already.")
        .hint("Load the list again.")
}
