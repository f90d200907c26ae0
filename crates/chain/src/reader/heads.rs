//! How far the chain is, and how far it is settled.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::{Heads, Reader, quantity};
use crate::{
    endpoint::Endpoint,
    error::ChainError,
    fault::Fault,
    rpc::{Block, Quantity},
    settings::Finality,
};

/// Endpoints that follow one chain are this many blocks apart at most, most of the time.
const LATEST_APART: u64 = 2;
/// Settled blocks move by an epoch, which some endpoints hear of earlier.
const SETTLED_APART: u64 = 32;
/// At the tip the endpoints may follow two forks for a moment; so many blocks below they do not.
const FORK: u64 = 4;

impl Reader {
    /// How far the chain is: the highest number that enough endpoints reach, and the block of it they agree on. The first
    /// time it looks whether the contract is there, too.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same, or when there is no marketplace.
    pub async fn heads(&self) -> Result<Heads, ChainError> {
        if !self.found.load(Ordering::Relaxed) {
            self.check().await?;
            self.found.store(true, Ordering::Relaxed);
        }
        let (latest, settled) = futures::try_join!(self.latest(), self.settled_number())?;
        let settled = match self.settings().finality {
            Finality::Blocks(blocks) => latest.at.number.saturating_sub(blocks),
            Finality::Finalized | Finality::Safe => settled.min(latest.at.number),
        };
        if settled == latest.at.number {
            return Ok(Heads { latest: latest.at, settled: latest.at });
        }
        let settled = self.head_of(settled).await?.ok_or(ChainError::NotCanonical(settled))?;
        Ok(Heads { latest: latest.at, settled: settled.at })
    }

    /// The newest block that enough endpoints have.
    pub(crate) async fn latest(&self) -> Result<Block, ChainError> {
        let ask = |endpoint| async move {
            // Whatever is settled hangs on this: it must be of our chain each time.
            let Quantity(number) = Endpoint::call_anew(endpoint, "eth_blockNumber", json!([])).await?;
            Ok(number)
        };
        let reached = self.quorum().reached("the newest block", LATEST_APART, ask).await?;
        let mut outcome = Err(ChainError::NotCanonical(reached));
        for number in (reached.saturating_sub(FORK)..=reached).rev() {
            match self.head_of(number).await {
                Ok(Some(block)) => return Ok(block),
                Ok(None) => outcome = Err(ChainError::NotCanonical(number)),
                Err(error @ ChainError::Disagreement { .. }) => outcome = Err(error),
                Err(error) => return Err(error),
            }
        }
        outcome
    }

    async fn settled_number(&self) -> Result<u64, ChainError> {
        let tag = match self.settings().finality {
            Finality::Finalized => "finalized",
            Finality::Safe => "safe",
            Finality::Blocks(_) => return Ok(0),
        };
        let ask = |endpoint| async move {
            let block: Option<Block> =
                Endpoint::call(endpoint, "eth_getBlockByNumber", json!([tag, false])).await?;
            block.map(|block| block.at.number).ok_or(Fault::Garbage("it knows no settled block"))
        };
        self.quorum().reached("the settled block", SETTLED_APART, ask).await
    }
}

/// The parameter that means a block by its number.
pub(crate) fn by_number(number: u64) -> serde_json::Value {
    json!(quantity(number))
}
