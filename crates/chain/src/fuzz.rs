//! For the fuzz targets alone: what endpoints and files say, read the way everything else here reads it.

use std::collections::HashMap;

use sealpost_market::chain::{Address, BlockRef, ChainEvent, ChainHash};

use crate::{
    codec,
    contract::Marketplace::EnvelopeDelivered,
    endpoint,
    fault::Fault,
    keystore::Keystore,
    rpc::{Block, Log, Mined},
};

/// Logs of an answer.
#[derive(Debug)]
pub struct Logs(Vec<Log>);

/// Reads the whole answer to `eth_getLogs`.
///
/// # Errors
/// What the endpoint did instead of answering.
pub fn logs(body: &[u8]) -> Result<Logs, Fault> {
    let mut logs: Vec<Log> = endpoint::read(body, &[])?;
    logs.sort_by_key(|log| (log.block.number, log.index));
    Ok(Logs(logs))
}

/// Reads the whole answer to `eth_getTransactionReceipt`: transaction, block, whether it succeeded, logs.
///
/// # Errors
/// What the endpoint did instead of answering.
pub fn receipt(body: &[u8]) -> Result<Option<(ChainHash, BlockRef, bool, Logs)>, Fault> {
    let mined: Option<Mined> = endpoint::read(body, &[])?;
    Ok(mined.map(|mined| (mined.tx, mined.block, mined.succeeded, Logs(mined.logs))))
}

/// Reads the whole answer to `eth_getBlockByNumber`.
///
/// # Errors
/// What the endpoint did instead of answering.
pub fn block(body: &[u8]) -> Result<Option<BlockRef>, Fault> {
    let block: Option<Block> = endpoint::read(body, &[])?;
    Ok(block.map(|block| block.at))
}

/// What opening a keystore costs: blocks of scrypt, or rounds of PBKDF2.
#[must_use]
pub fn work(keystore: &Keystore) -> u64 {
    keystore.work()
}

impl Logs {
    /// How many of them are events of the contract that stores read.
    #[must_use]
    pub fn count(&self, contract: Address) -> usize {
        self.0.iter().filter(|log| codec::is_ours(contract, log)).count()
    }

    /// Only those.
    #[must_use]
    pub fn of(&self, contract: Address) -> Self {
        Self(self.0.iter().filter(|log| codec::is_ours(contract, log)).cloned().collect())
    }

    /// What they say happened.
    ///
    /// # Errors
    /// What about them is not as the contract writes it.
    pub fn events(&self, contract: Address) -> Result<Vec<ChainEvent>, &'static str> {
        let times: HashMap<_, _> = self.0.iter().map(|log| (log.block, log.block.number)).collect();
        codec::events(contract, &self.0, &times)
    }

    /// Envelopes that were delivered, where a log is such an event.
    #[must_use]
    pub fn envelopes(&self) -> Vec<Vec<u8>> {
        let envelope =
            |log| codec::decode::<EnvelopeDelivered>(log).ok().map(|event| event.envelope.to_vec());
        self.0.iter().filter_map(envelope).collect()
    }
}
