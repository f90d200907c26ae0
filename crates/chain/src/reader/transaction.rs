//! What became of a transaction.

use std::collections::HashMap;

use sealpost_market::chain::{ChainEvent, ChainHash, TxOutcome};
use serde_json::json;

use super::Reader;
use crate::{
    codec,
    endpoint::Endpoint,
    error::ChainError,
    fault::Fault,
    rpc::{Known, Mined},
};

impl Reader {
    /// What became of a transaction, and what the contract recorded in it. Logs of other contracts do not count,
    /// whatever they look like.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same, or when the contract is no marketplace.
    pub async fn transaction(&self, tx: ChainHash) -> Result<TxOutcome, ChainError> {
        let Some(mined) = self.mined(tx).await? else {
            return Ok(if self.is_known(tx).await? { TxOutcome::Waiting } else { TxOutcome::Unknown });
        };
        let block = mined.block;
        // The endpoints may remember the receipt of a block that has left the chain.
        let Some(head) = self.head_of(block.number).await?.filter(|head| head.at == block) else {
            return Ok(TxOutcome::Waiting);
        };
        if !mined.succeeded {
            return Ok(TxOutcome::Reverted { block });
        }
        let times = HashMap::from([(block, head.time)]);
        let events =
            codec::events(self.contract(), &mined.logs, &times).map_err(ChainError::NotMarketplace)?;
        let purchases = events.into_iter().filter_map(|event| match event {
            ChainEvent::Purchased(purchase) => Some(purchase),
            ChainEvent::Refunded(_) => None,
        });
        Ok(TxOutcome::Mined { block, purchases: purchases.collect() })
    }

    /// The receipt that enough endpoints have; `None` as long as some of those that are needed have none yet.
    pub(crate) async fn mined(&self, tx: ChainHash) -> Result<Option<Mined>, ChainError> {
        let outcome = self.quorum().tally("a receipt", |endpoint| receipt_of(endpoint, tx)).await;
        match outcome {
            Ok(mined) => Ok(mined),
            Err(split) if split.answers.iter().any(|(mined, _)| mined.is_none()) && split.has_enough() => {
                Ok(None)
            }
            Err(split) => Err(split.into_error()),
        }
    }

    /// Pools differ between endpoints: it is known when enough of them know it.
    async fn is_known(&self, tx: ChainHash) -> Result<bool, ChainError> {
        let ask = |endpoint| async move {
            let known: Option<Known> =
                Endpoint::call(endpoint, "eth_getTransactionByHash", json!([tx])).await?;
            match known {
                Some(known) if known.hash != tx => Err(Fault::Garbage("it is another transaction")),
                known => Ok(known.is_some()),
            }
        };
        match self.quorum().tally("a transaction", ask).await {
            Ok(known) => Ok(known),
            Err(split) if split.has_enough() => Ok(false),
            Err(split) => Err(split.into_error()),
        }
    }
}

async fn receipt_of(endpoint: &Endpoint, tx: ChainHash) -> Result<Option<Mined>, Fault> {
    let mined: Option<Mined> = endpoint.call("eth_getTransactionReceipt", json!([tx])).await?;
    if mined.as_ref().is_some_and(|mined| mined.tx != tx) {
        return Err(Fault::Garbage("it is another transaction"));
    }
    Ok(mined)
}
