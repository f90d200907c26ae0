//! People, and what a server decides about them.

mod entering;
mod signing_in;
mod signing_up;

use std::sync::{Arc, PoisonError, RwLock};

use http::StatusCode;
use sealpost_api::account::Account;
use sealpost_api::operate::Registration;
use sealpost_database::{Clock, Database};
use sealpost_keyring::KekProvider;
use sealpost_mail::Mailer;
use sealpost_market::AccountId;
use serde_json::json;

use crate::{
    ApiError,
    attempts::{Attempts, Tries},
    audit,
    audit::Actor,
    cookie::Cookie,
    entity::account,
    failures::Failures,
    familiar::Familiar,
    limit::{Limiter, Rate},
    password::Passwords,
    signing_keys::SigningKeys,
    site::Site,
    tokens::{self, Tokens},
};
pub(crate) use entering::Way;
use entering::roles;

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

pub(crate) fn email_taken() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "email_taken", "There is an account with this address")
        .hint("Sign in, or use another address.")
}

pub(crate) fn too_many(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts")
        .hint(format!("Wait {seconds} seconds and try again."))
        .retry_after(seconds)
}

#[cfg(test)]
mod tests;
