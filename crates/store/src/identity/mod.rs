//! Printers: pairing, registration, tokens, and the key sets they trust the store by.
//!
//! A printer is its X25519 key. Pairing (RFC 8628 in shape) has two sides: the printer asks for a code and later for the answer, a
//! person enters the code and approves. The answer is sealed to the key that asked, and a known printer changes hands only when it
//! has used the token inside: whoever merely knows its public key can neither take it nor disturb it.

mod agent;
mod approve;
mod code;
mod describe;
#[expect(unreachable_pub, reason = "what SeaORM derives has the visibility of the model")]
mod entity;
pub(crate) use entity::printer;
mod keys;
mod migration;
mod pairing;
mod printers;
mod renewal;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::FromRef;
use futures::future::BoxFuture;
use http::StatusCode;
use sealpost_accounts::{Accounts, ApiError, limit::Limiter};
use sealpost_database::{Clock, Database, Tx};
use sealpost_envelope::SigningKey;
use sealpost_keyring::KekProvider;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use agent::{AgentAuth, Around, Protocol};
pub(crate) use migration::migrations;
pub(crate) use printers::{OwnPrinter, ids_of_owner, of_owner, unpair_all};

use crate::RateLimits;

/// The printers of one store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Identity(Arc<Inner>);

struct Inner {
    db: Database,
    clock: Clock,
    keks: Arc<dyn KekProvider>,
    accounts: Accounts,
    origin: String,
    root: Arc<SigningKey>,
    around: Around,
    limits: Limits,
    key_cache: keys::Cache,
}

struct Limits {
    /// Pairings begun, for each address.
    starts: Limiter,
    /// Questions about a pairing nobody has decided, for each session.
    questions: Limiter,
    /// Wrong codes, for each person.
    guesses: Limiter,
    /// Challenges, for each address.
    challenges: Limiter,
}

impl Identity {
    /// The printers kept in `db`, where the migrations have run; `around` is what is told.
    ///
    /// # Errors
    /// Keys that cannot be made or opened.
    pub(crate) async fn open(
        db: Database,
        clock: Clock,
        keks: Arc<dyn KekProvider>,
        accounts: Accounts,
        origin: String,
        rates: &RateLimits,
        around: Around,
    ) -> Result<Self, ApiError> {
        let root = keys::root(&accounts).await?;
        let limits = Limits {
            starts: Limiter::of(rates.pairing_start),
            questions: Limiter::new(20, 1_000),
            guesses: Limiter::of(rates.pairing_code),
            challenges: Limiter::of(rates.challenge),
        };
        let key_cache = keys::Cache::default();
        let identity =
            Self(Arc::new(Inner { db, clock, keks, accounts, origin, root, around, limits, key_cache }));
        identity.keys().await?;
        Ok(identity)
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Forgets pairings and challenges that ran out.
    ///
    /// # Errors
    /// The failure of the database.
    pub(crate) async fn purge(&self) -> Result<(), ApiError> {
        let now = self.now_ms();
        let purge = self.0.db.write(move |tx| {
            Box::pin(async move {
                agent::purge(tx, now).await?;
                renewal::purge(tx, now).await
            })
        });
        Ok(purge.await?)
    }

    fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// A write that makes a printer: where another one made the same printer meanwhile, the second run finds it.
    async fn write_again<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, ApiError>> + Clone + Send + Sync + 'static,
        T: Send + 'static,
    {
        match self.0.db.write(work.clone()).await {
            Err(error) if error.is_unique_violation() => self.0.db.write(work).await,
            result => result,
        }
    }
}

impl FromRef<Identity> for Accounts {
    fn from_ref(identity: &Identity) -> Self {
        identity.0.accounts.clone()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("origin", &self.0.origin).finish_non_exhaustive()
    }
}

/// The routes of printers that pair, renew and prove themselves, and of the people who own them.
pub(crate) fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Accounts: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(pairing::start))
        .routes(routes!(pairing::status))
        .routes(routes!(pairing::complete))
        .routes(routes!(approve::view))
        .routes(routes!(approve::approve))
        .routes(routes!(approve::deny))
        .routes(routes!(printers::register))
        .routes(routes!(printers::list))
        .routes(routes!(printers::show, printers::rename, printers::unpair))
        .routes(routes!(renewal::refresh))
        .routes(routes!(renewal::refresh_as_agent))
        .routes(routes!(renewal::ask))
        .routes(routes!(renewal::answer))
        .routes(routes!(keys::signed_keys))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::jwks))
}

fn too_many(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts")
        .hint(format!("Wait {seconds} seconds and try again."))
        .retry_after(seconds)
}
