//! Passkeys: several for an account, and none needs a name to be typed.

mod ceremony;
mod routes;

use std::net::IpAddr;

use http::StatusCode;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use sealpost_api::{account::Account, ways::Passkey};
use sealpost_database::{Tx, clock::rfc3339};
use serde_json::{Value, json};

use crate::{
    ApiError,
    accounts::{Accounts, Person, Way, too_many},
    audit,
    audit::Actor,
    challenges::Kind,
    entity::{account, passkey},
    names,
    sessions::Begin,
};
use ceremony::{Kept, Shown};

pub(crate) use routes::router;

/// Of one account.
const MOST: u64 = 20;

impl Accounts {
    /// What a browser makes a passkey for this person by.
    ///
    /// # Errors
    /// 409 `no_passkeys`, 409 `too_many_passkeys`.
    pub(crate) async fn ask_for_passkey(&self, person: &Person) -> Result<Value, ApiError> {
        let id = person.id.to_string();
        let known: Vec<String> =
            passkeys_of(&id).all(self.db().read()).await?.into_iter().map(|row| row.id).collect();
        let handle = self.user_handle(&id).await?;
        let asked = ceremony::ask_to_register(self.site(), &handle, &person.username, &known)?;
        self.give_challenge(Kind::NewPasskey, &asked.challenge, Some(&id), asked.state).await?;
        Ok(asked.options)
    }

    /// Adds the passkey that a browser made.
    ///
    /// # Errors
    /// 422 `challenge_over`, `bad_passkey`, 403 `passkey_refused`, 409 `passkey_known`, `too_many_passkeys`.
    pub(crate) async fn add_passkey(
        &self,
        person: &Person,
        name: Option<&str>,
        credential: &Value,
    ) -> Result<Passkey, ApiError> {
        let name = names::of_a_way(name, "Passkey")?;
        let answer = serde_json::to_vec(credential).map_err(ApiError::internal)?;
        let id = person.id.to_string();
        let challenge = ceremony::challenge_of_registration(&answer)?;
        let state = self.take_challenge(Kind::NewPasskey, &challenge, Some(&id)).await?;
        let kept = ceremony::registered(self.site(), &state, &answer)?;
        let (accounts, now) = (self.clone(), self.now_ms());
        let result = self
            .db()
            .write(move |tx| {
                let (accounts, id, name, kept) = (accounts.clone(), id.clone(), name.clone(), kept.clone());
                Box::pin(async move {
                    let row = account::Entity::find_by_id(&id).one(tx).await?;
                    if passkeys_of(&id).count(tx).await? >= MOST {
                        return Err(full());
                    }
                    let made = passkey::ActiveModel {
                        id: Set(kept.id),
                        account: Set(id.clone()),
                        name: Set(name),
                        fixed: Set(kept.fixed),
                        changing: Set(kept.changing),
                        created_at: Set(now),
                        used_at: Set(None),
                    };
                    let made = made.insert(tx).await?;
                    note(tx, &id, "account.passkey_added", &made, now).await?;
                    if let Some(row) = row {
                        accounts.tell_of_change(tx, &row, "A passkey was added").await?;
                    }
                    Ok(shown(made))
                })
            })
            .await;
        result.map_err(|error: ApiError| if error.is_unique_violation() { known() } else { error })
    }

    /// What a browser shows a passkey by.
    ///
    /// # Errors
    /// 409 `no_passkeys`, 429 for too many.
    pub(crate) async fn ask_passkey(&self, from: IpAddr) -> Result<Value, ApiError> {
        self.limits().challenges.attempt(from, self.now_ms()).map_err(too_many)?;
        let asked = ceremony::ask_to_sign_in(self.site())?;
        self.give_challenge(Kind::Passkey, &asked.challenge, None, asked.state).await?;
        Ok(asked.options)
    }

    /// Signs a browser in by a passkey.
    pub(crate) async fn enter_by_passkey(
        &self,
        credential: &Value,
        from: IpAddr,
        begin: Begin,
    ) -> Result<Account, ApiError> {
        let now = self.now_ms();
        self.limits().guesses(from, now)?;
        let row = self.holder(credential).await?;
        self.limits().no_guess(from);
        let row = row.filter(|row| row.disabled_at.is_none()).ok_or_else(unknown)?;
        Ok(self.admit(Way::Browser(begin), row, now).await?.account)
    }

    /// Checks that a passkey of this person answered.
    pub(crate) async fn prove_by_passkey(&self, person: &Person, credential: &Value) -> Result<(), ApiError> {
        let (id, now) = (person.id.as_str(), self.now_ms());
        self.limits().sign_ins.attempt(id, now).map_err(too_many)?;
        let row = self.holder(credential).await?;
        if row.is_none_or(|row| row.id != id) {
            return Err(unknown());
        }
        self.limits().sign_ins.refund(id);
        Ok(())
    }

    /// Gives a passkey of somebody's another name.
    pub(crate) async fn rename_passkey(&self, person: &Person, id: &str, name: &str) -> Result<(), ApiError> {
        let (name, id, account) =
            (names::of_a_way(Some(name), "Passkey")?, id.to_owned(), person.id.to_string());
        self.db()
            .write(move |tx| {
                let renamed = passkey::Entity::update_many()
                    .col_expr(passkey::Column::Name, Expr::value(name.clone()))
                    .filter(passkey::Column::Id.eq(&id))
                    .filter(passkey::Column::Account.eq(&account));
                Box::pin(async move {
                    if renamed.exec(tx).await?.rows_affected == 1 { Ok(()) } else { Err(missing()) }
                })
            })
            .await
    }

    /// Removes a passkey of somebody's, unless it is the last way in.
    pub(crate) async fn remove_passkey(&self, person: &Person, id: &str) -> Result<(), ApiError> {
        let (accounts, now) = (self.clone(), self.now_ms());
        let (id, account) = (id.to_owned(), person.id.to_string());
        self.db()
            .write(move |tx| {
                let (accounts, id, account) = (accounts.clone(), id.clone(), account.clone());
                Box::pin(async move {
                    let row = passkey::Entity::find_by_id(&id).one(tx).await?;
                    let row = row.filter(|row| row.account == account).ok_or_else(missing)?;
                    passkey::Entity::delete_by_id(&id).exec(tx).await?;
                    accounts.keep_a_way_in(tx, &account).await?;
                    note(tx, &account, "account.passkey_removed", &row, now).await?;
                    if let Some(person) = account::Entity::find_by_id(&account).one(tx).await? {
                        accounts.tell_of_change(tx, &person, "A passkey was removed").await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Somebody's passkeys, the oldest first.
    pub(crate) async fn passkeys(&self, account: &str) -> Result<Vec<Passkey>, ApiError> {
        Ok(passkeys_of(account).all(self.db().read()).await?.into_iter().map(shown).collect())
    }

    /// Whose passkey answered; a challenge is used up by that.
    async fn holder(&self, credential: &Value) -> Result<Option<account::Model>, ApiError> {
        let answer = Shown::read(&serde_json::to_vec(credential).map_err(ApiError::internal)?)?;
        let state = self.take_challenge(Kind::Passkey, &answer.challenge()?, None).await?;
        let found =
            passkey::Entity::find_by_id(answer.id()).one(self.db().read()).await?.ok_or_else(unknown)?;
        let row = account::Entity::find_by_id(&found.account).one(self.db().read()).await?;
        let handle = row.as_ref().and_then(|row| row.user_handle.clone()).ok_or_else(unknown)?;
        let kept = Kept { id: found.id.clone(), fixed: found.fixed, changing: found.changing.clone() };
        let changed = answer.verify(self.site(), &state, &kept, &handle)?;
        let now = self.now_ms();
        self.db()
            .write(move |tx| {
                // Of two answers with one counter, the first one counts.
                let used = passkey::Entity::update_many()
                    .col_expr(passkey::Column::Changing, Expr::value(changed.clone()))
                    .col_expr(passkey::Column::UsedAt, Expr::value(now))
                    .filter(passkey::Column::Id.eq(&found.id))
                    .filter(passkey::Column::Changing.eq(&found.changing));
                Box::pin(async move {
                    if used.exec(tx).await?.rows_affected == 1 { Ok(()) } else { Err(unknown()) }
                })
            })
            .await?;
        Ok(row)
    }

    /// The name that authenticators know an account by; made when there is none.
    async fn user_handle(&self, account: &str) -> Result<String, ApiError> {
        let (id, fresh) = (account.to_owned(), ceremony::new_user_handle()?);
        self.db()
            .write(move |tx| {
                let (id, fresh) = (id.clone(), fresh.clone());
                Box::pin(async move {
                    account::Entity::update_many()
                        .col_expr(account::Column::UserHandle, Expr::value(fresh))
                        .filter(account::Column::Id.eq(&id))
                        .filter(account::Column::UserHandle.is_null())
                        .exec(tx)
                        .await?;
                    let row = account::Entity::find_by_id(&id).one(tx).await?;
                    row.and_then(|row| row.user_handle).ok_or_else(missing)
                })
            })
            .await
    }
}

fn passkeys_of(account: &str) -> sea_orm::Select<passkey::Entity> {
    passkey::Entity::find()
        .filter(passkey::Column::Account.eq(account))
        .order_by_asc(passkey::Column::CreatedAt)
        .order_by_asc(passkey::Column::Id)
}

fn shown(row: passkey::Model) -> Passkey {
    Passkey {
        synced: ceremony::is_synced(&row.changing),
        id: row.id,
        name: row.name,
        created_at: rfc3339(row.created_at),
        used_at: row.used_at.map(rfc3339),
    }
}

async fn note(tx: &Tx, account: &str, action: &str, row: &passkey::Model, now: i64) -> Result<(), ApiError> {
    let details = json!({"passkey": row.id});
    let actor = Actor::User(account.to_owned());
    audit::record(tx, now, &actor, action, &format!("account:{account}"), details).await?;
    Ok(())
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "passkey_unknown", "The passkey is of no account here")
        .hint("Sign in another way. A passkey that was removed here can be removed from the device too.")
}

fn missing() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found")
        .detail("There is no such passkey, or it is not yours.")
        .hint("Load the page again.")
}

fn known() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "passkey_known", "This passkey is known already")
        .hint("Use another device, or sign in with it.")
}

fn full() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "too_many_passkeys", "An account has at most 20 passkeys")
        .hint("Remove one that you do not use.")
}
