//! How people sign in and out, and change the password.

use std::{net::IpAddr, sync::Arc};

use http::StatusCode;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_api::account::{Account, ChangePassword, LoginRequest, LoginResponse};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Accounts, Person,
    entering::{Entered, Way, set_password, signed_in},
    too_many,
};
use crate::{
    ApiError,
    entity::account,
    password,
    sessions::{self, Begin},
    tokens,
};

impl Accounts {
    /// Signs somebody in by address or name.
    ///
    /// # Errors
    /// One answer for an unknown account and a wrong password, after the same time; 429 for too many attempts.
    pub async fn login(&self, request: LoginRequest, from: IpAddr) -> Result<LoginResponse, ApiError> {
        self.enter(request, from, Way::Token).await?.token()
    }

    /// Signs a browser in.
    pub(crate) async fn login_browser(
        &self,
        request: LoginRequest,
        from: IpAddr,
        begin: Begin,
    ) -> Result<Account, ApiError> {
        Ok(self.enter(request, from, Way::Browser(begin)).await?.account)
    }

    async fn enter(&self, request: LoginRequest, from: IpAddr, way: Way) -> Result<Entered, ApiError> {
        let password = Zeroizing::new(request.password);
        let name = request.email.or(request.username).ok_or_else(|| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_request",
                "The body does not have the expected fields",
            )
            .hint("Send `email` or `username`, and `password`.")
        })?;
        // PostgreSQL cannot look for a NUL; no name holds the other character either.
        let name = name.trim().to_lowercase().replace('\0', "\u{fffd}");
        let now = self.0.clock.now_ms();
        self.0.sign_ins_by_address.attempt(from, now).map_err(too_many)?;
        self.0.sign_ins.attempt((&name, from), now).map_err(too_many)?;

        let by_name = if name.contains('@') {
            account::Column::Email.eq(&name)
        } else {
            account::Column::UsernameKey.eq(&name)
        };
        let row = account::Entity::find().filter(by_name).one(self.0.db.read()).await?;
        // Whoever can choose their address would have no limit; and who keeps others out so does not keep its owner out.
        let holder = row.as_ref().map_or_else(|| name.clone(), |row| row.id.clone());
        let stranger = !self.0.familiar.knows((&holder, from));
        if stranger {
            self.0.sign_ins_by_account.attempt(&holder, now).map_err(too_many)?;
        }
        let hash = row.as_ref().map(|row| row.password_hash.clone());
        let fits = self.0.passwords.verify(password, hash).await?;
        let known = row.as_ref().map(|row| row.id.clone());
        let Some(row) = row.filter(|row| fits && row.disabled_at.is_none()) else {
            self.note_failure(known, now);
            return Err(wrong_credentials());
        };
        self.0.sign_ins.refund((&name, from));
        self.0.sign_ins_by_address.refund(from);
        if stranger {
            self.0.sign_ins_by_account.refund(&holder);
        }
        let entered = self.admit(way, row, now).await?;
        self.0.familiar.remember((&holder, from));
        Ok(entered)
    }

    /// Signs the person of this row in, whose password was checked against it.
    pub(crate) async fn admit(&self, way: Way, row: account::Model, now: i64) -> Result<Entered, ApiError> {
        let issuer = self.0.tokens.issuer().await?;
        let way = Arc::new((issuer, way));
        self.0.db.write(move |tx| Box::pin(signed_in(tx, way.clone(), row.clone(), now))).await
    }

    /// Gives an account another password and revokes all its tokens but the one at hand.
    ///
    /// # Errors
    /// A password so far that is wrong, a new one that is weak, 429 for too many attempts.
    pub async fn change_password(&self, person: &Person, request: ChangePassword) -> Result<(), ApiError> {
        let (old, new) = (Zeroizing::new(request.password), Zeroizing::new(request.new_password));
        self.check_password(person, old, "The password so far is wrong").await?;
        password::check(&new, &person.email, &person.username)?;
        let hash = self.0.passwords.hash(new).await?;
        let (id, jti, now) = (person.id.to_string(), person.jti.clone(), self.0.clock.now_ms());
        self.0
            .db
            .write(move |tx| Box::pin(set_password(tx, id.clone(), hash.clone(), jti.clone(), now)))
            .await
    }

    /// Revokes the token somebody came with.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn logout(&self, person: &Person) -> Result<(), ApiError> {
        let now = self.0.clock.now_ms();
        let (jti, id) = (person.jti.clone(), person.id.clone());
        self.0
            .db
            .write(move |tx| {
                let (jti, id) = (jti.clone(), id.clone());
                Box::pin(async move {
                    tokens::revoke(tx, &jti, now).await?;
                    let details = json!({"jti": sessions::name(&jti)});
                    Ok(sessions::signed_out(tx, &id, details, now).await?)
                })
            })
            .await
    }
}

pub(super) fn wrong_credentials() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "Address, name or password is wrong")
        .hint("Check for a typing error, or sign up if you have no account here.")
}
