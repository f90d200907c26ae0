//! How people come to have an account: by themselves, by an invitation, or as the first operator.

use std::{net::IpAddr, sync::Arc};

use http::StatusCode;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sealpost_api::account::{Account, LoginResponse, RegisterRequest, SetupRequest};
use sealpost_api::operate::Registration;
use sealpost_envelope::SecretText;
use sealpost_market::AccountId;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Accounts, email_taken,
    entering::{Entered, New, Way, insert},
    too_many,
};
use crate::{
    ApiError, audit,
    audit::Actor,
    entity::{account, setup_token},
    identifier::{email, username},
    password,
    random::{id_bytes, secret, secret_hash, system_rng},
    sessions::Begin,
};

const SETUP_LIFE_MS: i64 = 24 * 3_600_000;

impl Accounts {
    /// Makes an account and signs it in.
    ///
    /// # Errors
    /// Closed registration, an address or name that is taken or malformed, a weak password.
    pub async fn register(&self, request: RegisterRequest, from: IpAddr) -> Result<LoginResponse, ApiError> {
        self.check_open(request.invitation.as_deref(), from).await?;
        self.create(request, from, None, Way::Token).await?.token()
    }

    /// Makes an account and signs a browser in.
    pub(crate) async fn register_browser(
        &self,
        request: RegisterRequest,
        from: IpAddr,
        begin: Begin,
    ) -> Result<Account, ApiError> {
        self.check_open(request.invitation.as_deref(), from).await?;
        Ok(self.create(request, from, None, Way::Browser(begin)).await?.account)
    }

    /// Makes the first operator by the one-time token.
    ///
    /// # Errors
    /// A token that is unknown, used or expired, and all of [`Accounts::register`] but closed registration.
    pub async fn set_up(&self, request: SetupRequest, from: IpAddr) -> Result<LoginResponse, ApiError> {
        let hash = secret_hash(&Zeroizing::new(request.setup_token));
        let now = self.0.clock.now_ms();
        self.0.sign_ins_by_address.attempt(from, now).map_err(too_many)?;
        let known = setup_token::Entity::find_by_id(&hash).one(self.0.db.read()).await?;
        if !known.is_some_and(|row| row.used_at.is_none() && row.expires_at > now) {
            return Err(setup_refused());
        }
        self.0.sign_ins_by_address.refund(from);
        self.create(request.account, from, Some(hash), Way::Token).await?.token()
    }

    /// A fresh one-time token for [`Accounts::set_up`], good for a day; `None` when there is an operator already.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn issue_setup_token(&self) -> Result<Option<SecretText>, ApiError> {
        let operators = account::Entity::find().filter(account::Column::Operator.eq(true));
        if operators.count(self.0.db.read()).await? > 0 {
            return Ok(None);
        }
        let token = secret(&mut system_rng());
        let hash = secret_hash(&token);
        let now = self.0.clock.now_ms();
        self.0
            .db
            .write(move |tx| {
                let hash = hash.clone();
                Box::pin(async move {
                    setup_token::Entity::delete_many()
                        .filter(setup_token::Column::ExpiresAt.lt(now))
                        .exec(tx)
                        .await?;
                    let row = setup_token::ActiveModel {
                        hash: Set(hash),
                        expires_at: Set(now + SETUP_LIFE_MS),
                        used_at: Set(None),
                    };
                    row.insert(tx).await?;
                    audit::record(tx, now, &Actor::System, "setup.link_made", "server", json!({})).await?;
                    Ok::<_, ApiError>(())
                })
            })
            .await?;
        Ok(Some(SecretText::new(String::clone(&token))))
    }

    /// Refuses whoever may not sign up now, before anything costs work; [`Accounts::create`] looks again. An invitation is used up by [`Accounts::create`] alone.
    pub(crate) async fn check_open(&self, invitation: Option<&str>, from: IpAddr) -> Result<(), ApiError> {
        match self.registration() {
            Registration::Open => Ok(()),
            Registration::Invited => self.check_invitation(invitation, from).await,
            Registration::Closed => Err(closed()),
        }
    }

    pub(super) async fn create(
        &self,
        request: RegisterRequest,
        from: IpAddr,
        setup: Option<String>,
        way: Way,
    ) -> Result<Entered, ApiError> {
        let password = Zeroizing::new(request.password);
        let email = email(&request.email)?;
        let wanted = request.username.map(|name| username(&name)).transpose()?;
        password::check(&password, &email, wanted.as_deref().unwrap_or_default())?;
        let now = self.0.clock.now_ms();
        self.0.sign_ups.attempt(from, now).map_err(too_many)?;
        let confirm = self.limits().confirm_at(&email, now).is_ok();

        let id = AccountId::generate(&id_bytes(&mut system_rng()));
        let password_hash = self.0.passwords.hash(password).await?;
        let issuer = self.0.tokens.issuer().await?;
        let code = request.invitation.filter(|code| !code.is_empty());
        let invitation = code.map(|code| secret_hash(&Zeroizing::new(code)));
        let new = New { id, email, wanted, password_hash, setup, invitation, confirm, now };
        let way = Arc::new((issuer, way));
        let accounts = self.clone();
        let result =
            self.0.db.write(move |tx| Box::pin(insert(accounts.clone(), tx, way.clone(), new.clone()))).await;
        result.map_err(|error: ApiError| if error.is_unique_violation() { email_taken() } else { error })
    }
}

pub(super) fn closed() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "registration_closed", "Sign-up is closed here")
        .hint("Ask the operator of this server for an account.")
}

pub(super) fn setup_refused() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "setup_token_invalid", "The set-up link is used or expired")
        .hint("If there is no operator yet, restart the server: it prints a new link.")
}
