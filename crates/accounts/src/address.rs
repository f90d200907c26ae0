//! Mail addresses: confirmed by a link that is sent there, changed by both.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::Expr,
};
use sealpost_api::ways::{ChangeEmail, EmailState};
use sealpost_database::Tx;
use sealpost_mail::Letter;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    ApiError,
    accounts::{Accounts, Person, email_taken},
    audit,
    audit::Actor,
    entity::{account, link},
    identifier::email,
    letters::name,
    links::{self, Kind},
    random::secret_hash,
    reset::no_mail,
};

/// How long a link counts.
const LIFE_MS: i64 = 24 * 3_600_000;

/// What a link about an address holds.
#[derive(Deserialize, Serialize)]
struct About {
    email: String,
    /// Of a change: whether the other address agreed already.
    #[serde(default)]
    agreed: bool,
}

impl Accounts {
    /// Sends a link that confirms the address somebody has.
    ///
    /// # Errors
    /// 409 `no_mail`, 429 for too many.
    pub async fn send_confirmation(&self, person: &Person) -> Result<(), ApiError> {
        if !self.sends_mail() {
            return Err(no_mail());
        }
        self.limits().confirm(person.id.as_str(), &person.email, self.now_ms())?;
        let (accounts, id) = (self.clone(), person.id.to_string());
        self.db()
            .write(move |tx| {
                let (accounts, id) = (accounts.clone(), id.clone());
                Box::pin(async move {
                    match account::Entity::find_by_id(&id).one(tx).await? {
                        Some(row) => accounts.ask_to_confirm(tx, &row).await,
                        None => Ok(()),
                    }
                })
            })
            .await
    }

    /// Puts the link that confirms an address into the outbox, if there is one and it is not confirmed.
    pub(crate) async fn ask_to_confirm(&self, tx: &Tx, row: &account::Model) -> Result<(), ApiError> {
        if !self.sends_mail() || row.email_confirmed_at.is_some() {
            return Ok(());
        }
        let about = json!(About { email: row.email.clone(), agreed: false });
        let secret = links::make(tx, Kind::Confirm, &row.id, &about, self.now_ms() + LIFE_MS).await?;
        let letter = is_this_yours(self.host(), row, &self.page("confirm", &secret));
        self.post(tx, "confirm_address", &row.id, LIFE_MS, letter).await
    }

    /// Begins to change somebody's address. Where mails are sent, the new one and the confirmed one so far have to agree by a link
    /// each; else it counts at once.
    ///
    /// # Errors
    /// 409 `email_taken`, 422 `bad_email`, and those of [`Accounts::prove`].
    pub async fn change_email(&self, person: &Person, request: ChangeEmail) -> Result<EmailState, ApiError> {
        let wanted = email(&request.email)?;
        self.prove(person, request.proof).await?;
        if wanted == person.email {
            return Ok(EmailState { done: true, email: wanted });
        }
        self.limits().confirm(person.id.as_str(), &wanted, self.now_ms())?;
        let (accounts, id) = (self.clone(), person.id.to_string());
        let result = self
            .db()
            .write(move |tx| {
                let (accounts, id, wanted) = (accounts.clone(), id.clone(), wanted.clone());
                Box::pin(async move { accounts.begin_change(tx, &id, wanted).await })
            })
            .await;
        result.map_err(|error: ApiError| if error.is_unique_violation() { email_taken() } else { error })
    }

    /// Uses a link about an address.
    ///
    /// # Errors
    /// 403 `link_over`, 409 `email_taken` where somebody else took the address meanwhile, 429 for too many.
    pub async fn confirm_email(
        &self,
        token: Zeroizing<String>,
        from: std::net::IpAddr,
    ) -> Result<EmailState, ApiError> {
        let (hash, now) = (secret_hash(&token), self.now_ms());
        self.limits().guesses(from, now)?;
        let accounts = self.clone();
        let result = self
            .db()
            .write(move |tx| {
                let (accounts, hash) = (accounts.clone(), hash.clone());
                Box::pin(async move { accounts.follow(tx, &hash, now).await })
            })
            .await;
        if result.is_ok() {
            self.limits().no_guess(from);
        }
        result.map_err(|error: ApiError| if error.is_unique_violation() { email_taken() } else { error })
    }

    /// The address that somebody's is being changed to.
    pub(crate) async fn new_email(&self, account: &str) -> Result<Option<String>, ApiError> {
        let rows = link::Entity::find()
            .filter(link::Column::Account.eq(account))
            .filter(link::Column::Kind.is_in([Kind::ChangeTo.as_str(), Kind::ChangeFrom.as_str()]))
            .filter(link::Column::ExpiresAt.gt(self.now_ms()))
            .one(self.db().read())
            .await?;
        Ok(rows.and_then(|row| about(&row).ok()).map(|about| about.email))
    }

    async fn begin_change(&self, tx: &Tx, id: &str, wanted: String) -> Result<EmailState, ApiError> {
        let row = account::Entity::find_by_id(id).one(tx).await?.ok_or_else(links::over)?;
        if !self.sends_mail() {
            self.set_email(tx, row, &wanted, None).await?;
            return Ok(EmailState { done: true, email: wanted });
        }
        let taken = account::Entity::find().filter(account::Column::Email.eq(&wanted)).count(tx).await? > 0;
        if taken {
            return Err(email_taken());
        }
        let until = self.now_ms() + LIFE_MS;
        links::end(tx, id, &[Kind::ChangeTo, Kind::ChangeFrom]).await?;
        let both = row.email_confirmed_at.is_some();
        let data = json!(About { email: wanted.clone(), agreed: !both });
        let secret = links::make(tx, Kind::ChangeTo, id, &data, until).await?;
        let letter = use_this(self.host(), &wanted, &self.page("confirm", &secret));
        self.post(tx, "change_address", id, LIFE_MS, letter).await?;
        if both {
            let secret = links::make(tx, Kind::ChangeFrom, id, &data, until).await?;
            let letter = Letter::new(&row.username, &row.email, &format!("Another address for your account? ({})", self.host()))
                .line(&format!("Your account at {} is to have the address {wanted} instead of this one. It changes when both agree.", self.host()))
                .link("I agree", &self.page("confirm", &secret))
                .line("If you did not ask for this, do not follow the link: sign in, end all other sign-ins and change the password.");
            self.post(tx, "change_address", id, LIFE_MS, letter).await?;
        }
        Ok(EmailState { done: false, email: wanted })
    }

    async fn follow(&self, tx: &Tx, hash: &str, now: i64) -> Result<EmailState, ApiError> {
        let kinds = [Kind::Confirm, Kind::ChangeTo, Kind::ChangeFrom];
        let link = links::take(tx, hash, &kinds, now).await?;
        let about = about(&link)?;
        let row = account::Entity::find_by_id(&link.account).one(tx).await?;
        let row = row.filter(|row| row.disabled_at.is_none()).ok_or_else(links::over)?;
        match Kind::of(&link.kind) {
            Some(Kind::Confirm) if row.email == about.email => {
                account::Entity::update_many()
                    .col_expr(account::Column::EmailConfirmedAt, Expr::value(now))
                    .filter(account::Column::Id.eq(&row.id))
                    .exec(tx)
                    .await?;
                let subject = format!("account:{}", row.id);
                let actor = Actor::User(row.id);
                audit::record(tx, now, &actor, "account.address_confirmed", &subject, json!({})).await?;
                Ok(EmailState { done: true, email: about.email })
            }
            Some(Kind::ChangeTo | Kind::ChangeFrom) if about.agreed => {
                self.set_email(tx, row, &about.email, Some(now)).await?;
                Ok(EmailState { done: true, email: about.email })
            }
            Some(Kind::ChangeTo | Kind::ChangeFrom) => {
                let other = link::Entity::find()
                    .filter(link::Column::Account.eq(&row.id))
                    .filter(link::Column::Kind.is_in([Kind::ChangeTo.as_str(), Kind::ChangeFrom.as_str()]))
                    .one(tx)
                    .await?
                    .ok_or_else(links::over)?;
                let mut other = link::ActiveModel::from(other);
                other.data = Set(json!(About { email: about.email.clone(), agreed: true }).to_string());
                other.update(tx).await?;
                Ok(EmailState { done: false, email: about.email })
            }
            _ => Err(links::over()),
        }
    }

    async fn set_email(
        &self,
        tx: &Tx,
        row: account::Model,
        wanted: &str,
        confirmed: Option<i64>,
    ) -> Result<(), ApiError> {
        account::Entity::update_many()
            .col_expr(account::Column::Email, Expr::value(wanted))
            .col_expr(account::Column::EmailConfirmedAt, Expr::value(confirmed))
            .filter(account::Column::Id.eq(&row.id))
            .exec(tx)
            .await?;
        // Links that went to the address so far end with it.
        links::end(tx, &row.id, &[Kind::Confirm, Kind::Reset, Kind::ChangeTo, Kind::ChangeFrom]).await?;
        let subject = format!("account:{}", row.id);
        let actor = Actor::User(row.id.clone());
        audit::record(tx, self.now_ms(), &actor, "account.address_changed", &subject, json!({})).await?;
        self.tell_of_change(tx, &row, "The address was changed").await
    }
}

/// Where it goes, nobody said yet that they have an account: no word in it is whose who made one.
fn is_this_yours(host: &str, row: &account::Model, link: &str) -> Letter {
    Letter::new(name(row), &row.email, &format!("Is this your address? ({host})"))
        .line(&format!(
            "There is an account with this address at {host}. Follow this link to confirm that it is yours."
        ))
        .link("Confirm this address", link)
        .line("If you did not make the account, do nothing.")
}

/// As [`is_this_yours`], to the address that an account is to have.
fn use_this(host: &str, wanted: &str, link: &str) -> Letter {
    Letter::new("", wanted, &format!("Is this your address? ({host})"))
        .line(&format!(
            "An account at {host} is to have this address. Follow this link within a day to confirm that it is yours."
        ))
        .link("Use this address", link)
        .line("If you did not ask for this, do nothing.")
}

fn about(row: &link::Model) -> Result<About, ApiError> {
    serde_json::from_str(&row.data).map_err(|_| links::over())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_calls_themselves_is_in_no_letter_to_an_address_that_nobody_confirmed() {
        let mut row = account::Model {
            id: "acc".to_owned(),
            email: "somebody@example.org".to_owned(),
            username: "Buy-coins-at-spam.example".to_owned(),
            username_key: "buy-coins-at-spam.example".to_owned(),
            password_hash: String::new(),
            operator: false,
            created_at: 0,
            last_login_at: None,
            disabled_at: None,
            email_confirmed_at: None,
            user_handle: None,
            mail_key: None,
            mail_off: String::new(),
            deleted_at: None,
        };
        let written = |row: &account::Model| {
            let letter = is_this_yours("store.example", row, "https://store.example/shop/confirm#x");
            serde_json::to_string(&letter).unwrap()
        };
        assert!(!written(&row).contains("spam"), "{}", written(&row));
        row.email_confirmed_at = Some(1);
        assert!(written(&row).contains("spam"), "their own is called by it");
    }
}
