//! People: sign-up, sign-in, the first operator.

mod entering;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use http::StatusCode;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sealpost_api::account::{
    Account, ChangePassword, LoginRequest, LoginResponse, RegisterRequest, SetupRequest,
};
use sealpost_api::operate::Registration;
use sealpost_database::{Clock, Database};
use sealpost_envelope::SecretText;
use sealpost_keyring::KekProvider;
use sealpost_mail::Mailer;
use sealpost_market::AccountId;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    ApiError,
    attempts::{Attempts, Tries},
    audit,
    audit::Actor,
    cookie::Cookie,
    entity::{account, setup_token},
    failures::Failures,
    familiar::Familiar,
    identifier::{email, username},
    limit::{Limiter, Rate},
    password::{self, Passwords},
    random::{id_bytes, secret, secret_hash, system_rng},
    sessions::{self, Begin},
    signing_keys::SigningKeys,
    site::Site,
    tokens::{self, Tokens},
};
pub(crate) use entering::Way;
use entering::{Entered, New, insert, roles, set_password, signed_in};

const SETUP_LIFE_MS: i64 = 24 * 3_600_000;

/// What a server decides about its people.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server's origin: claim `iss` of all tokens.
    pub issuer: String,
    /// Who may sign up, until [`Accounts::govern`] says otherwise.
    pub registration: Registration,
    /// How often people may try.
    pub limits: Limits,
    /// Where letters are put; none are sent where absent.
    pub mail: Option<Mailer>,
    /// The chain that wallets sign in for (EIP-155).
    pub chain_id: u64,
}

/// How often people may try to get in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wrong passwords for one account from one address.
    pub sign_in: Rate,
    /// Wrong passwords for one account from all addresses together; those that it was signed in from lately are not counted.
    pub sign_in_account: Rate,
    /// Wrong passwords and set-up links from one address.
    pub sign_in_address: Rate,
    /// New accounts from one address.
    pub sign_up: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in: Rate::new(10, 30_000),
            sign_in_account: Rate::new(200, 18_000),
            sign_in_address: Rate::new(120, 1_000),
            sign_up: Rate::new(60, 10_000),
        }
    }
}

/// The people of one server. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    db: Database,
    clock: Clock,
    config: Config,
    cookie: Option<Cookie>,
    passwords: Passwords,
    keys: SigningKeys,
    tokens: Tokens,
    sign_ins: Limiter,
    sign_ins_by_account: Limiter,
    familiar: Familiar,
    sign_ins_by_address: Limiter,
    sign_ups: Limiter,
    attempts: Attempts,
    site: Site,
    failures: Failures,
    registration: RwLock<Registration>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Account id.
    pub id: AccountId,
    /// Address.
    pub email: String,
    /// Name that others see.
    pub username: String,
    /// Whether this person runs the server.
    pub operator: bool,
    /// Names the token they came with, or the sign-in of their browser.
    pub jti: String,
}

impl Accounts {
    /// The people kept in `db`, where [`crate::migrations`] have run.
    pub fn new(db: Database, clock: Clock, keks: Arc<dyn KekProvider>, config: Config) -> Self {
        let keys = SigningKeys::new(db.clone(), clock.clone(), keks);
        let tokens = Tokens::new(db.clone(), clock.clone(), config.issuer.clone(), keys.clone());
        let (limits, registration) = (config.limits, config.registration);
        Self(Arc::new(Inner {
            db,
            clock,
            cookie: Cookie::of(&config.issuer),
            site: Site::of(&config.issuer),
            config,
            passwords: Passwords::new(),
            keys,
            tokens,
            sign_ins: Limiter::of(limits.sign_in),
            sign_ins_by_account: Limiter::of(limits.sign_in_account),
            familiar: Familiar::default(),
            sign_ins_by_address: Limiter::of(limits.sign_in_address),
            sign_ups: Limiter::of(limits.sign_up),
            attempts: Attempts::default(),
            failures: Failures::default(),
            registration: RwLock::new(registration),
        }))
    }

    /// The server's signing keys.
    pub fn signing_keys(&self) -> &SigningKeys {
        &self.0.keys
    }

    /// The tokens of people and printers.
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

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
        let too_long = password.len() > password::MAX_BYTES;
        let hash = row.as_ref().map(|row| row.password_hash.clone()).filter(|hash| !hash.is_empty());
        let password = if too_long { Zeroizing::default() } else { password };
        let fits = self.0.passwords.verify(password, hash).await? && !too_long;
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
        let now = self.0.clock.now_ms();
        let id = person.id.to_string();
        self.0.sign_ins.attempt(&id, now).map_err(too_many)?;
        let row = account::Entity::find_by_id(&id).one(self.0.db.read()).await?;
        let too_long = old.len() > password::MAX_BYTES;
        let old = if too_long { Zeroizing::default() } else { old };
        if !self
            .0
            .passwords
            .verify(old, row.map(|row| row.password_hash).filter(|hash| !hash.is_empty()))
            .await?
            || too_long
        {
            self.note_failure(Some(id), now);
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "wrong_credentials",
                "The password so far is wrong",
            )
            .hint("Check for a typing error."));
        }
        self.0.sign_ins.refund(&id);
        password::check(&new, &person.email, &person.username)?;
        let hash = self.0.passwords.hash(new).await?;
        let jti = person.jti.clone();
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

    /// The person behind a user token.
    ///
    /// # Errors
    /// As [`Tokens::authenticate`]; 401 when the account is gone or disabled.
    pub async fn person(&self, token: &str) -> Result<Person, ApiError> {
        let (session, row) = self.0.tokens.authenticate_user(token).await?;
        self.standing(row, session.jti)
    }

    /// The person behind a genuine token.
    pub(crate) async fn person_of(&self, token: &tokens::Genuine) -> Result<Person, ApiError> {
        let (session, row) = self.0.tokens.look_up_user(token.user_claims()?).await?;
        self.standing(row, session.jti)
    }

    /// The person of an account, signed in by that.
    pub(crate) fn standing(&self, row: Option<account::Model>, jti: String) -> Result<Person, ApiError> {
        let row = row.filter(|row| row.disabled_at.is_none()).ok_or_else(|| {
            ApiError::new(StatusCode::UNAUTHORIZED, "account_disabled", "The account is not in use any more")
                .hint("Ask the operator of this server.")
        })?;
        let id = AccountId::parse(&row.id).map_err(ApiError::internal)?;
        Ok(Person { id, email: row.email, username: row.username, operator: row.operator, jti })
    }

    /// The entries of the audit log that this person may read: all of them for an operator, their own for everybody else.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn audit(&self, person: &Person, mut filter: audit::Filter) -> Result<audit::Page, ApiError> {
        filter.person = (!person.operator).then(|| person.id.to_string());
        Ok(audit::newest(&self.0.db, &filter).await?)
    }

    /// The cookie of this server, if browsers may sign in.
    pub(crate) fn cookie(&self) -> Option<&Cookie> {
        self.0.cookie.as_ref()
    }

    /// The outbox, if letters are sent.
    pub(crate) fn mail(&self) -> Option<&Mailer> {
        self.0.config.mail.as_ref()
    }

    /// The names under which the server's pages are reached.
    pub(crate) fn site(&self) -> &Site {
        &self.0.site
    }

    /// Whether people can sign in by passkey at one of the server's names.
    pub fn takes_passkeys(&self) -> bool {
        self.0.site.rp_id.is_some()
    }

    /// The chain that wallets sign in for.
    pub(crate) fn chain_id(&self) -> u64 {
        self.0.config.chain_id
    }

    /// The server's origin.
    pub(crate) fn origin(&self) -> &str {
        &self.0.config.issuer
    }

    /// Host and port of the server, for people.
    pub(crate) fn host(&self) -> &str {
        self.0.config.issuer.split_once("://").map_or("", |(_, host)| host)
    }

    /// How often what may be tried.
    pub(crate) fn limits(&self) -> Tries<'_> {
        Tries::new(&self.0.attempts, &self.0.sign_ins, &self.0.sign_ins_by_address)
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn db(&self) -> &Database {
        &self.0.db
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// Writes down a failure to sign in. The answer does not wait for it: its time would tell whether the account exists.
    pub(crate) fn note_failure(&self, known: Option<String>, now: i64) {
        let Some(not_noted) = self.0.failures.admit(known.as_deref(), now) else { return };
        let subject = format!("account:{}", known.as_deref().unwrap_or("unknown"));
        let details = if not_noted > 0 { json!({"not_noted": not_noted}) } else { json!({}) };
        let db = self.0.db.clone();
        tokio::spawn(async move {
            let written = db.write(move |tx| {
                audit::record_later(tx, now, &Actor::Anonymous, "account.sign_in_failed", &subject, &details);
                Box::pin(async { Ok::<_, ApiError>(()) })
            });
            if let Err(error) = written.await {
                tracing::error!(code = error.code(), "a failure to sign in is not in the audit log");
            }
        });
    }

    /// Refuses whoever may not sign up now, before anything costs work; [`Accounts::create`] looks again. An invitation is used up by [`Accounts::create`] alone.
    pub(crate) async fn check_open(&self, invitation: Option<&str>, from: IpAddr) -> Result<(), ApiError> {
        match self.registration() {
            Registration::Open => Ok(()),
            Registration::Invited => self.check_invitation(invitation, from).await,
            Registration::Closed => Err(closed()),
        }
    }

    /// Who may sign up now.
    pub fn registration(&self) -> Registration {
        *self.0.registration.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who may sign up, and how often people may try, from now on.
    pub fn govern(&self, registration: Registration, limits: &Limits) {
        *self.0.registration.write().unwrap_or_else(PoisonError::into_inner) = registration;
        self.0.sign_ins.set(limits.sign_in);
        self.0.sign_ins_by_account.set(limits.sign_in_account);
        self.0.sign_ins_by_address.set(limits.sign_in_address);
        self.0.sign_ups.set(limits.sign_up);
    }

    /// How often one address may guess.
    pub(crate) fn guesses(&self) -> &Limiter {
        &self.0.sign_ins_by_address
    }

    async fn create(
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

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl From<Person> for Account {
    fn from(person: Person) -> Self {
        Self {
            user_id: person.id.to_string(),
            email: person.email,
            username: person.username,
            roles: roles(person.operator),
        }
    }
}

fn wrong_credentials() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "Address, name or password is wrong")
        .hint("Check for a typing error, or sign up if you have no account here.")
}

fn closed() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "registration_closed", "Sign-up is closed here")
        .hint("Ask the operator of this server for an account.")
}

pub(crate) fn email_taken() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "email_taken", "There is an account with this address")
        .hint("Sign in, or use another address.")
}

fn setup_refused() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "setup_token_invalid", "The set-up link is used or expired")
        .hint("If there is no operator yet, restart the server: it prints a new link.")
}

pub(crate) fn too_many(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts")
        .hint(format!("Wait {seconds} seconds and try again."))
        .retry_after(seconds)
}

#[cfg(test)]
mod tests;
