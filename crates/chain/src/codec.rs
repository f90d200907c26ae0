//! From logs to what happened. Logs are other people's bytes: what is not exactly as the contract writes it is refused.

use std::collections::HashMap;

use alloy::{primitives::B256, sol_types::SolEvent};
use sealpost_market::chain::{
    Address, BlockRef, BuyerKey, ChainEvent, ChainHash, ChainPurchase, ChainRefund,
};

use crate::{
    contract::Marketplace::{PluginPurchased, PurchaseRecorded, PurchaseRefunded},
    convert::{hash, to_address, to_hash, to_token, to_u128},
    rpc::Log,
};

/// The topics that are asked for: what a store has to know of.
pub(crate) fn topics() -> [ChainHash; 3] {
    [PluginPurchased::SIGNATURE_HASH, PurchaseRecorded::SIGNATURE_HASH, PurchaseRefunded::SIGNATURE_HASH]
        .map(to_hash)
}

/// Purchases and refunds by `contract` in `logs`, in order. Logs of other contracts and other events of this one are
/// passed over. `times` has the time of every block with a log of the contract.
pub(crate) fn events(
    contract: Address,
    logs: &[Log],
    times: &HashMap<BlockRef, u64>,
) -> Result<Vec<ChainEvent>, &'static str> {
    in_order(logs)?;
    let mut events = Vec::new();
    let mut of_tx = Counted::default();
    let mut ours = logs.iter().filter(|log| is_ours(contract, log)).peekable();
    while let Some(log) = ours.next() {
        let time = *times.get(&log.block).ok_or("a log of a block that was not looked up")?;
        let topic = log.topics.first().map(|topic| hash(*topic)).unwrap_or_default();
        of_tx.enter(log.tx);
        if topic == PluginPurchased::SIGNATURE_HASH {
            let record = ours.next().ok_or("a purchase without its record")?;
            events.push(ChainEvent::Purchased(purchase(log, record, time, of_tx.purchase()?)?));
        } else if topic == PurchaseRefunded::SIGNATURE_HASH {
            events.push(ChainEvent::Refunded(refund(log, of_tx.refund()?)?));
        } else {
            return Err("a record without its purchase");
        }
    }
    Ok(events)
}

/// Whether a log is one of those that [`events`] reads.
pub(crate) fn is_ours(contract: Address, log: &Log) -> bool {
    log.address == contract && log.topics.first().is_some_and(|topic| topics().contains(topic))
}

/// Reads one event strictly: what it says, written again, is what was read.
pub(crate) fn decode<E: SolEvent>(log: &Log) -> Result<E, &'static str> {
    let wrong = "a log that is not as the contract writes it";
    let topics: Vec<B256> = log.topics.iter().map(|topic| hash(*topic)).collect();
    let event = E::decode_raw_log_validate(topics.iter().copied(), &log.data).map_err(|_| wrong)?;
    let again = event.encode_log_data();
    if again.topics() == topics && again.data.as_ref() == log.data { Ok(event) } else { Err(wrong) }
}

fn purchase(log: &Log, record: &Log, block_time: u64, index: u32) -> Result<ChainPurchase, &'static str> {
    let PluginPurchased { pluginId, buyerPubkey, amount, platformFee } = decode(log)?;
    let follows = record.tx == log.tx
        && record.block == log.block
        && log.index.checked_add(1) == Some(record.index)
        && record.topics.first().map(|topic| hash(*topic)) == Some(PurchaseRecorded::SIGNATURE_HASH);
    if !follows {
        return Err("a purchase without its record");
    }
    let recorded: PurchaseRecorded = decode(record)?;
    let buyer_key = BuyerKey::from_chain(buyerPubkey.to_vec());
    if recorded.pluginId != pluginId || to_hash(recorded.buyerKeyHash) != buyer_key.hash() {
        return Err("a purchase with the record of another");
    }
    let too_much = "an amount that no token has";
    Ok(ChainPurchase {
        tx: log.tx,
        index,
        block: log.block,
        log_index: log.index,
        block_time,
        item: to_hash(pluginId),
        buyer_key,
        amount: to_u128(amount).ok_or(too_much)?,
        fee: to_u128(platformFee).ok_or(too_much)?,
        payer: to_address(recorded.payer),
        publisher: to_address(recorded.publisher),
        token: to_token(recorded.token),
    })
}

fn refund(log: &Log, index: u32) -> Result<ChainRefund, &'static str> {
    let PurchaseRefunded { pluginId, buyerKeyHash, payer, token, amount, by } = decode(log)?;
    Ok(ChainRefund {
        tx: log.tx,
        index,
        block: log.block,
        log_index: log.index,
        item: to_hash(pluginId),
        key_hash: to_hash(buyerKeyHash),
        payer: to_address(payer),
        token: to_token(token),
        amount: to_u128(amount).ok_or("an amount that no token has")?,
        by: to_address(by),
    })
}

/// How many of a transaction's events came before.
#[derive(Default)]
struct Counted {
    tx: Option<ChainHash>,
    purchases: u32,
    refunds: u32,
}

impl Counted {
    fn enter(&mut self, tx: ChainHash) {
        if self.tx != Some(tx) {
            *self = Self { tx: Some(tx), ..Self::default() };
        }
    }

    fn purchase(&mut self) -> Result<u32, &'static str> {
        next(&mut self.purchases)
    }

    fn refund(&mut self) -> Result<u32, &'static str> {
        next(&mut self.refunds)
    }
}

fn next(count: &mut u32) -> Result<u32, &'static str> {
    let index = *count;
    *count = count.checked_add(1).ok_or("more events than a transaction holds")?;
    Ok(index)
}

/// Blocks of one number are one block, and a transaction's logs stand together.
fn in_order(logs: &[Log]) -> Result<(), &'static str> {
    let mut seen = std::collections::HashSet::new();
    let mut last: Option<&Log> = None;
    for log in logs {
        let follows = last.is_none_or(|last| {
            let same_block = last.block.number == log.block.number;
            (last.block.number < log.block.number)
                || (same_block && last.block == log.block && last.index < log.index)
        });
        let entered = last.is_none_or(|last| last.tx != log.tx);
        if !follows || (entered && !seen.insert(log.tx)) {
            return Err("logs that are out of order");
        }
        last = Some(log);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
