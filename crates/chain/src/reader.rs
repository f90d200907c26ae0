//! What the endpoints agree on about the contract.

mod events;
mod heads;
mod transaction;
mod view;

use std::sync::atomic::{AtomicBool, AtomicU64};

use sealpost_market::chain::{Address, BlockRef, ChainHash};
use serde_json::json;

pub use view::{Balance, Listed};

use crate::{
    endpoint::{self, Endpoint},
    error::ChainError,
    fault::Fault,
    quorum::Quorum,
    rpc::Block,
    settings::{Settings, SettingsError},
};

/// The chain as the endpoints agree on it.
///
/// Making one asks nothing: a store starts while its endpoints are down.
pub struct Reader {
    settings: Settings,
    quorum: Quorum,
    /// How many blocks the endpoints search at once.
    span: AtomicU64,
    /// Whether the contract was found there.
    found: AtomicBool,
}

/// How far the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The newest block.
    pub latest: BlockRef,
    /// The newest block that counts as settled; never above `latest`.
    pub settled: BlockRef,
}

/// How one endpoint does, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointState {
    /// Name and port.
    pub host: String,
    /// Whether its latest questions were answered.
    pub answers: bool,
    /// Whether its latest answer was the others'.
    pub agrees: bool,
}

impl Reader {
    /// A reader with these settings.
    ///
    /// # Errors
    /// [`SettingsError::Client`] when the HTTP client does not start.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let quorum = Quorum::new(&settings)?;
        Ok(Self { settings, quorum, span: AtomicU64::new(events::FIRST_SPAN), found: AtomicBool::new(false) })
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The contract's address.
    #[must_use]
    pub fn contract(&self) -> Address {
        self.settings.contract
    }

    /// How the endpoints did of late.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointState> {
        let state = |endpoint: &Endpoint| EndpointState {
            host: endpoint.host().to_owned(),
            answers: endpoint.is_alive(),
            agrees: !endpoint.is_odd(),
        };
        self.quorum.endpoints().iter().map(state).collect()
    }

    /// The hash of the canonical block of that number; `None` beyond the newest.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn block(&self, number: u64) -> Result<Option<ChainHash>, ChainError> {
        let block = self.head_of(number).await?;
        Ok(block.map(|block| block.at.hash))
    }

    pub(crate) fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    pub(crate) async fn head_of(&self, number: u64) -> Result<Option<Block>, ChainError> {
        self.quorum.ask("a block", |endpoint| block_of(endpoint, number)).await
    }
}

/// Which chain an endpoint serves (EIP-155), for somebody who has its address alone.
///
/// # Errors
/// [`ChainError::Unreachable`] when it does not say, and [`ChainError::Address`] when that is no address of an endpoint.
pub async fn chain_id(rpc: &str) -> Result<u64, ChainError> {
    let settings =
        Settings::without_contract(1, rpc).map_err(|error| ChainError::Address(error.to_string()))?;
    let url = settings.rpc.into_iter().next().ok_or_else(|| ChainError::Address("none".to_owned()))?;
    let host = endpoint::host(&url);
    let asked = endpoint::chain_id(url).await;
    asked.map_err(|fault| ChainError::Unreachable {
        answered: 0,
        needed: 1,
        reasons: format!("{host}: {fault}"),
    })
}

async fn block_of(endpoint: &Endpoint, number: u64) -> Result<Option<Block>, Fault> {
    let block: Option<Block> =
        endpoint.call("eth_getBlockByNumber", json!([quantity(number), false])).await?;
    if block.is_some_and(|block| block.at.number != number) {
        return Err(Fault::Garbage("it is another block"));
    }
    Ok(block)
}

pub(crate) fn quantity(number: u64) -> String {
    format!("{number:#x}")
}
