//! What somebody's account is: for its page, and to take along.

use sea_orm::EntityTrait;
use sealpost_api::{account::SignIn, ways::AccountDetails};
use sealpost_database::clock::rfc3339;

use crate::{
    ApiError,
    accounts::{Accounts, Person},
    choices,
    entity::account,
};

impl Accounts {
    /// What the page of an account shows.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn details(&self, person: &Person) -> Result<AccountDetails, ApiError> {
        let id = person.id.as_str();
        let row = account::Entity::find_by_id(id).one(self.db().read()).await?;
        let row = row.ok_or_else(|| ApiError::internal("an account that is gone"))?;
        Ok(AccountDetails {
            email_confirmed: row.email_confirmed_at.is_some(),
            new_email: self.new_email(id).await?,
            created_at: rfc3339(row.created_at),
            has_password: !row.password_hash.is_empty(),
            passkeys: self.passkeys(id).await?,
            wallets: self.wallets(id).await?,
            mails: choices::choices(&row),
            user_id: row.id,
            email: row.email,
            username: row.username,
        })
    }

    /// Everything this crate knows of somebody, for them to take along.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn export(&self, person: &Person) -> Result<(AccountDetails, Vec<SignIn>), ApiError> {
        Ok((self.details(person).await?, self.sign_ins(person).await?.sign_ins))
    }
}
