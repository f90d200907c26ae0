//! The chain as people may ask it: answers are shared, and strangers ask so much and no more.

use std::time::Duration;

use axum::http::StatusCode;
use sealpost_accounts::ApiError;
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::limit::Limiter;
use sealpost_envelope::ErrorCode;
use sealpost_market::chain::{Address, ChainHash, TxOutcome};
use tokio::sync::Semaphore;

use super::archive::Archive;
use super::asked::Asked;
use super::port::{ChainBalance, ChainFault, ChainListing, ChainPort};
use super::unheard::Unheard;
use crate::fault::{Fault, Result};
use crate::state::AppState;

/// Questions under way at the same time.
const AT_ONCE: usize = 16;
/// How long an answer is waited for that is not needed.
const SOON: Duration = Duration::from_secs(3);

/// What people asked lately.
#[derive(Debug)]
pub(crate) struct Questions {
    listings: Asked<ChainHash, Option<ChainListing>>,
    fee: Asked<(), u16>,
    treasury: Asked<(), Address>,
    balances: Asked<Address, Vec<ChainBalance>>,
    transactions: Asked<ChainHash, TxOutcome>,
    pub(crate) archive: Archive,
    pub(crate) unheard: Unheard,
    /// New questions of a household.
    new: Limiter,
    under_way: Semaphore,
}

impl Default for Questions {
    fn default() -> Self {
        Self {
            listings: Asked::default(),
            fee: Asked::default(),
            treasury: Asked::default(),
            balances: Asked::default(),
            transactions: Asked::default(),
            archive: Archive::default(),
            unheard: Unheard::default(),
            new: Limiter::new(120, 500),
            under_way: Semaphore::new(AT_ONCE),
        }
    }
}

/// One person's access to the chain.
pub(crate) struct Asking<'a> {
    state: &'a AppState,
    port: &'a dyn ChainPort,
    /// Whose new questions are counted.
    from: Option<ClientAddress>,
}

impl<'a> Asking<'a> {
    /// The chain for whoever asks from there.
    ///
    /// # Errors
    /// `chain_not_configured`.
    pub(crate) fn new(state: &'a AppState, from: ClientAddress) -> Result<Self> {
        Ok(Self { state, port: super::port(state)?, from: Some(from) })
    }

    /// The chain for the store's own questions, on behalf of people it knows.
    ///
    /// # Errors
    /// `chain_not_configured`.
    pub(crate) fn by_the_store(state: &'a AppState) -> Result<Self> {
        Ok(Self { state, port: super::port(state)?, from: None })
    }

    pub(crate) fn port(&self) -> &'a dyn ChainPort {
        self.port
    }

    /// How the contract sells an item.
    pub(crate) async fn listing(&self, item: ChainHash) -> Result<Option<ChainListing>> {
        let asked = &self.state.questions.listings;
        self.ask(asked, item, self.port.listing(item)).await
    }

    /// The platform's share for what is listed now.
    pub(crate) async fn fee_bps(&self) -> Result<u16> {
        self.ask(&self.state.questions.fee, (), self.port.fee_bps()).await
    }

    /// The account that the platform's share goes to.
    pub(crate) async fn treasury(&self) -> Result<Address> {
        self.ask(&self.state.questions.treasury, (), self.port.treasury()).await
    }

    /// What the contract holds for an account.
    pub(crate) async fn balances(&self, account: Address) -> Result<Vec<ChainBalance>> {
        let asked = &self.state.questions.balances;
        self.ask(asked, account, self.port.balances(account)).await
    }

    /// What became of a transaction.
    pub(crate) async fn transaction(&self, tx: ChainHash) -> Result<TxOutcome> {
        let asked = &self.state.questions.transactions;
        self.ask(asked, tx, self.port.transaction(tx)).await
    }

    /// What can be said soon, for those who get along without it.
    pub(crate) async fn soon<V>(&self, answer: impl Future<Output = Result<V>>) -> Option<V> {
        tokio::time::timeout(SOON, answer).await.ok()?.ok()
    }

    async fn ask<K, V>(
        &self,
        asked: &Asked<K, V>,
        key: K,
        question: impl Future<Output = Result<V, ChainFault>>,
    ) -> Result<V>
    where
        K: Clone + Eq + std::hash::Hash,
        V: Clone,
    {
        let now = self.state.clock.now_ms();
        let questions = &self.state.questions;
        if let Some(from) = self.from.filter(|_| !asked.knows(&key, now)) {
            questions.new.attempt(from.household(), now).map_err(too_many)?;
        }
        let one_of_few = async {
            // Never closed.
            let _permit = questions.under_way.acquire().await;
            question.await
        };
        Ok(asked.answer(key, || self.state.clock.now_ms(), one_of_few).await?)
    }
}

impl From<ChainFault> for Fault {
    fn from(fault: ChainFault) -> Self {
        let title = match fault {
            ChainFault::Disagreement(_) => "The chain's endpoints do not agree",
            ChainFault::WrongChain { .. } => "The chain's endpoints serve another chain",
            _ => "The chain cannot be reached",
        };
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, fault.code(), title)
            .detail(crate::fault::sentence(&fault.to_string()))
            .hint(fault.hint())
            .retry_after(5)
            .into()
    }
}

fn too_many(seconds: u64) -> Fault {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many questions to the chain")
        .hint("Wait a little and ask again.")
        .retry_after(seconds)
        .into()
}
