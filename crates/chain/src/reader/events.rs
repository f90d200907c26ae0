//! Purchases and refunds over a range of blocks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::atomic::Ordering,
};

use alloy::sol_types::SolEvent as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sealpost_market::chain::{BlockRef, BuyerKey, ChainEvent, ChainHash};
use serde_json::{Value, json};

use super::{Reader, quantity};
use crate::{
    codec,
    contract::Marketplace::EnvelopeDelivered,
    convert::to_hash,
    endpoint::Endpoint,
    error::ChainError,
    fault::Fault,
    rpc::{Block, Log, Mined},
};

/// How many blocks are searched at once before anything is known of the endpoints.
pub(super) const FIRST_SPAN: u64 = 4_096;
/// More is never searched at once.
const MOST_SPAN: u64 = 65_536;
/// How often a range is halved because the endpoints said nothing at all.
const SILENCES: u32 = 2;
/// Blocks that are looked up at the same time.
const LOOK_UPS: usize = 8;
/// Transactions that too few endpoints tell of and that are looked up, in one range. Whoever lies makes no more work than that.
const DOUBTS: usize = 64;

impl Reader {
    /// Purchases and refunds of the contract in the blocks `from..=to`, in the order they happened. Each is in a block
    /// that the endpoints agree is on the chain. Ranges that the endpoints refuse are asked for in parts. An endpoint's
    /// answer counts when it has the block `to`, and what one tells of alone counts when enough have its receipt.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same, or when the contract is no marketplace.
    pub async fn events(&self, from: u64, to: u64) -> Result<Vec<ChainEvent>, ChainError> {
        let logs = self.search(&json!([codec::topics()]), from, to).await?;
        let times = self.times(&logs).await?;
        codec::events(self.contract(), &logs, &times).map_err(ChainError::NotMarketplace)
    }

    /// The latest envelope that was delivered on chain for a purchase, in the blocks `from..=to`.
    ///
    /// # Errors
    /// As [`Reader::events`].
    pub async fn delivered(
        &self,
        item: ChainHash,
        key: &BuyerKey,
        from: u64,
        to: u64,
    ) -> Result<Option<Vec<u8>>, ChainError> {
        let topics = json!([to_hash(EnvelopeDelivered::SIGNATURE_HASH), item, key.hash()]);
        let logs = self.search(&topics, from, to).await?;
        self.times(&logs).await?;
        let Some(log) = logs.last() else { return Ok(None) };
        let delivered: EnvelopeDelivered = codec::decode(log).map_err(ChainError::NotMarketplace)?;
        Ok(Some(delivered.envelope.to_vec()))
    }

    async fn search(&self, topics: &Value, from: u64, to: u64) -> Result<Vec<Log>, ChainError> {
        let mut logs = Vec::new();
        let (mut next, mut silences) = (from, 0);
        while next <= to {
            let span = self.span.load(Ordering::Relaxed).max(1);
            let end = to.min(next.saturating_add(span - 1));
            let last = self.head_of(end).await?.ok_or(ChainError::NotCanonical(end))?.at;
            let ask = |endpoint| self.logs(endpoint, topics, next, last);
            match self.quorum().gather("logs", ask).await {
                Ok((found, others)) => {
                    logs.extend(self.completed(found, others).await);
                    if end - next + 1 == span {
                        self.span.store((span + span / 8 + 1).min(MOST_SPAN), Ordering::Relaxed);
                    }
                    match end.checked_add(1) {
                        Some(after) => next = after,
                        None => break,
                    }
                }
                Err(split) => {
                    let silent = !split.is_refusal();
                    silences += u32::from(silent);
                    if end == next || !split.is_too_much() || (silent && silences > SILENCES) {
                        return Err(split.into_error());
                    }
                    self.span.store(((end - next).div_ceil(2)).max(1), Ordering::Relaxed);
                }
            }
        }
        Ok(logs)
    }

    /// What enough endpoints tell of, with what others tell of beside it and enough have the receipt of: endpoints leave logs
    /// out for many reasons, and two of them may do so at the same time.
    async fn completed(&self, mut found: Vec<Log>, others: Vec<Vec<Log>>) -> Vec<Log> {
        let place = |log: &Log| (log.block.hash, log.index);
        let known: HashSet<_> = found.iter().map(place).collect();
        let doubted: Vec<Log> =
            others.into_iter().flatten().filter(|log| !known.contains(&place(log))).collect();
        let txs: BTreeSet<ChainHash> = doubted.iter().map(|log| log.tx).collect();
        for tx in txs.into_iter().take(DOUBTS) {
            let told: Vec<&Log> = doubted.iter().filter(|log| log.tx == tx).collect();
            match self.receipt_on_chain(tx).await {
                Ok(Some(mined)) => found.extend(mined.logs.into_iter().filter(|log| told.contains(&log))),
                Ok(None) => {}
                // Enough endpoints agree that there is nothing; this is asked for again with the next blocks.
                Err(error) => tracing::debug!(%tx, %error, "a log that few endpoints tell of"),
            }
        }
        found.sort_by_key(|log| (log.block.number, log.index));
        found
    }

    async fn receipt_on_chain(&self, tx: ChainHash) -> Result<Option<Mined>, ChainError> {
        let Some(mined) = self.mined(tx).await? else { return Ok(None) };
        let head = self.head_of(mined.block.number).await?;
        Ok(head.filter(|head| head.at == mined.block).map(|_| mined))
    }

    /// The logs that an endpoint has up to the block `last`, if it has that.
    async fn logs(
        &self,
        endpoint: &Endpoint,
        topics: &Value,
        from: u64,
        last: BlockRef,
    ) -> Result<Vec<Log>, Fault> {
        let to = last.number;
        let filter = json!({
            "address": self.contract(),
            "fromBlock": quantity(from),
            "toBlock": quantity(to),
            "topics": topics,
        });
        let block = json!([quantity(to), false]);
        let (mut logs, has): (Vec<Log>, Option<Block>) =
            endpoint.call_both(("eth_getLogs", json!([filter])), ("eth_getBlockByNumber", block)).await?;
        if has.is_none_or(|block| block.at != last) {
            return Err(Fault::Behind(to));
        }
        let asked_for = |log: &Log| {
            log.address == self.contract()
                && (from..=to).contains(&log.block.number)
                && matches(topics, &log.topics)
        };
        if !logs.iter().all(asked_for) {
            return Err(Fault::Garbage("logs that were not asked for"));
        }
        logs.sort_by_key(|log| (log.block.number, log.index));
        Ok(logs)
    }

    /// The time of every block with a log, each of which has to be on the chain.
    async fn times(&self, logs: &[Log]) -> Result<HashMap<BlockRef, u64>, ChainError> {
        let blocks: BTreeMap<(u64, ChainHash), BlockRef> =
            logs.iter().map(|log| ((log.block.number, log.block.hash), log.block)).collect();
        let time = |block: BlockRef| async move {
            let head = self.head_of(block.number).await?.filter(|head| head.at == block);
            let head = head.ok_or(ChainError::NotCanonical(block.number))?;
            Ok((block, head.time))
        };
        stream::iter(blocks.into_values()).map(time).buffered(LOOK_UPS).try_collect().await
    }
}

/// Whether a log's topics are those of a filter: each place is one hash, or a list to choose from.
fn matches(filter: &Value, topics: &[ChainHash]) -> bool {
    let Some(places) = filter.as_array() else { return false };
    let is =
        |wanted: &Value, topic: &ChainHash| wanted.as_str().is_some_and(|text| text == topic.to_string());
    places.len() <= topics.len()
        && places.iter().zip(topics).all(|(place, topic)| match place.as_array() {
            Some(choice) => choice.iter().any(|wanted| is(wanted, topic)),
            None => is(place, topic),
        })
}
