//! A new password for somebody who forgot theirs: by a link of an operator, or by mail.

use std::net::IpAddr;

use http::StatusCode;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use sealpost_api::ways::{ForgotPassword, ResetLink, ResetPassword};
use sealpost_database::{Tx, clock::rfc3339};
use sealpost_mail::Letter;
use sealpost_market::AccountId;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    ApiError,
    accounts::{Accounts, Person},
    audit,
    audit::Actor,
    entity::{account, link, passkey, sign_in_wallet},
    letters::name,
    links, password,
    random::secret_hash,
    sessions,
};

/// How long a link counts.
const LIFE_MS: i64 = 3_600_000;

impl Accounts {
    /// A link by which somebody sets a new password, for an operator to hand over who showed that it is really them.
    ///
    /// # Errors
    /// 404 for an account that is not there, 409 for one that is not in use, and for an operator's.
    pub async fn reset_link(&self, operator: &Person, id: &AccountId) -> Result<ResetLink, ApiError> {
        let (accounts, id, now) = (self.clone(), id.to_string(), self.now_ms());
        let actor = Actor::User(operator.id.to_string());
        let secret = self
            .db()
            .write(move |tx| {
                let (accounts, id, actor) = (accounts.clone(), id.clone(), actor.clone());
                Box::pin(async move {
                    let row = account::Entity::find_by_id(&id).one(tx).await?.ok_or_else(no_account)?;
                    if row.disabled_at.is_some() || row.deleted_at.is_some() {
                        return Err(ApiError::new(
                            StatusCode::CONFLICT,
                            "account_suspended",
                            "The account is not in use",
                        )
                        .hint("Lift the suspension first."));
                    }
                    if row.operator {
                        return Err(operator_account());
                    }
                    let data = json!({"by": "operator"});
                    let secret = links::make(tx, links::Kind::Reset, &id, &data, now + LIFE_MS).await?;
                    let subject = format!("account:{id}");
                    audit::record(tx, now, &actor, "account.reset_link_made", &subject, json!({})).await?;
                    accounts.tell_of_change(tx, &row, "An operator made a link for a new password").await?;
                    Ok(secret)
                })
            })
            .await?;
        Ok(ResetLink { link: self.page("reset", &secret), expires_at: rfc3339(now + LIFE_MS) })
    }

    /// Sends a link to whoever has an account with that address. Anybody can ask, so what was sent before counts on, till one of them is
    /// used. Whether somebody has one, neither the answer nor its time tells: what
    /// there is to do is done behind it.
    ///
    /// # Errors
    /// 409 `no_mail`, 429 for too many.
    pub fn forgot(&self, request: ForgotPassword, from: IpAddr) -> Result<(), ApiError> {
        if !self.sends_mail() {
            return Err(no_mail());
        }
        let now = self.now_ms();
        let email = request.email.trim().to_lowercase().replace('\0', "\u{fffd}");
        self.limits().forgot(from, &email, now)?;
        let accounts = self.clone();
        tokio::spawn(async move {
            if let Err(error) = accounts.send_reset(email).await {
                tracing::error!(code = error.code(), "a link for a new password could not be sent");
            }
        });
        Ok(())
    }

    /// Sets a new password by a link; all sign-ins of the account end.
    ///
    /// # Errors
    /// 403 `link_over`, 422 `weak_password`: then the link still counts; 429 for too many.
    pub async fn reset(&self, request: ResetPassword, from: IpAddr) -> Result<(), ApiError> {
        let (token, new) = (Zeroizing::new(request.token), Zeroizing::new(request.new_password));
        let (hash, now) = (secret_hash(&token), self.now_ms());
        let kinds = [links::Kind::Reset];
        self.limits().guesses(from, now)?;
        let row = link::Entity::find_by_id(&hash).one(self.db().read()).await?;
        let row = row.filter(|row| links::stands(row, &kinds, now)).ok_or_else(links::over)?;
        self.limits().no_guess(from);
        let person = account::Entity::find_by_id(&row.account).one(self.db().read()).await?;
        let person = person.ok_or_else(links::over)?;
        password::check(&new, &person.email, &person.username)?;
        let password_hash = self.passwords().hash(new).await?;
        let accounts = self.clone();
        self.db()
            .write(move |tx| {
                let (accounts, hash, password_hash) = (accounts.clone(), hash.clone(), password_hash.clone());
                Box::pin(async move { accounts.set_by_link(tx, &hash, password_hash, now).await })
            })
            .await
    }

    async fn send_reset(&self, email: String) -> Result<(), ApiError> {
        let accounts = self.clone();
        let now = self.now_ms();
        self.db()
            .write(move |tx| {
                let (accounts, email) = (accounts.clone(), email.clone());
                Box::pin(async move {
                    let found = account::Entity::find().filter(account::Column::Email.eq(&email)).one(tx).await?;
                    let Some(row) = found.filter(|row| row.disabled_at.is_none()) else { return Ok(()) };
                    let data = json!({"by": "mail"});
                    let secret = links::make_another(tx, links::Kind::Reset, &row.id, &data, (now, LIFE_MS)).await?;
                    let subject = format!("account:{}", row.id);
                    audit::record(tx, now, &Actor::Anonymous, "account.reset_asked", &subject, json!({})).await?;
                    let letter = Letter::new(name(&row), &row.email, &format!("A new password for {}", accounts.host()))
                        .line("Somebody asked for a new password for your account. If it was you, follow this link within an hour; it counts once. Passkeys and wallets that signed in are forgotten by it.")
                        .link("Set a new password", &accounts.page("reset", &secret))
                        .line("If it was not you, do nothing: your password stays as it is.");
                    accounts.post(tx, "password_reset", &row.id, LIFE_MS, letter).await
                })
            })
            .await
    }

    async fn set_by_link(
        &self,
        tx: &Tx,
        hash: &str,
        password_hash: String,
        now: i64,
    ) -> Result<(), ApiError> {
        let link = links::take(tx, hash, &[links::Kind::Reset], now).await?;
        let row = account::Entity::find_by_id(&link.account).one(tx).await?;
        let row = row.filter(|row| row.disabled_at.is_none()).ok_or_else(links::over)?;
        let by_mail =
            serde_json::from_str::<serde_json::Value>(&link.data).is_ok_and(|data| data["by"] == "mail");
        let mut change = account::Entity::update_many()
            .col_expr(account::Column::PasswordHash, Expr::value(password_hash))
            .filter(account::Column::Id.eq(&row.id));
        if by_mail && row.email_confirmed_at.is_none() {
            change = change.col_expr(account::Column::EmailConfirmedAt, Expr::value(now));
        }
        change.exec(tx).await?;
        // What somebody else began ends: their sign-ins, other links that they asked for, and an address that they wanted.
        sessions::end_others(tx, &row.id, None, now).await?;
        let kinds = [links::Kind::Reset, links::Kind::ChangeTo, links::Kind::ChangeFrom];
        links::end(tx, &row.id, &kinds).await?;
        if by_mail {
            // Whoever registered somebody else's address, or had a session of theirs, may have made these.
            passkey::Entity::delete_many().filter(passkey::Column::Account.eq(&row.id)).exec(tx).await?;
            let wallets = sign_in_wallet::Entity::delete_many();
            wallets.filter(sign_in_wallet::Column::Account.eq(&row.id)).exec(tx).await?;
        }
        let subject = format!("account:{}", row.id);
        audit::record(tx, now, &Actor::User(row.id.clone()), "account.password_reset", &subject, json!({}))
            .await?;
        self.tell_of_change(tx, &row, "The password was changed by a link").await
    }
}

pub(crate) fn no_mail() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "no_mail", "This server sends no mails")
        .hint("Ask its operator for a link that sets a new password.")
}

/// One operator who was taken over would else take over all others.
fn operator_account() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "operator_account", "The account is an operator's")
        .detail("Nobody sets the password of another operator.")
        .hint("They ask for a link by mail, or somebody takes the operator's role from them first.")
}

fn no_account() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found")
        .detail("There is no such account.")
        .hint("Load the list again.")
}

#[cfg(test)]
mod tests;
