//! What endpoints answer, read strictly and reduced to what is compared: the same fact is the same value here, however
//! it was written.

use sealpost_market::chain::{Address, BlockRef, ChainHash};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A number of at most 64 bits, `0x` and hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity(pub(crate) u64);

/// A number of at most 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wide(pub(crate) u128);

/// Bytes, `0x` and pairs of hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// The head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "RawBlock")]
pub(crate) struct Block {
    pub(crate) at: BlockRef,
    /// Seconds since 1970.
    pub(crate) time: u64,
    /// Wei for a unit of gas, where the chain has EIP-1559.
    pub(crate) base_fee: Option<u128>,
}

/// One log of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawLog")]
pub(crate) struct Log {
    pub(crate) address: Address,
    pub(crate) topics: Vec<ChainHash>,
    pub(crate) data: Vec<u8>,
    pub(crate) block: BlockRef,
    pub(crate) tx: ChainHash,
    /// Within the block.
    pub(crate) index: u64,
}

/// What became of a transaction that is in a block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawReceipt")]
pub(crate) struct Mined {
    pub(crate) tx: ChainHash,
    pub(crate) block: BlockRef,
    pub(crate) succeeded: bool,
    pub(crate) logs: Vec<Log>,
    pub(crate) created: Option<Address>,
    pub(crate) gas_used: u64,
}

/// A transaction as the pool or a block holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Known {
    pub(crate) hash: ChainHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBlock {
    number: Quantity,
    hash: ChainHash,
    timestamp: Quantity,
    base_fee_per_gas: Option<Wide>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog {
    address: Address,
    topics: Vec<ChainHash>,
    data: Bytes,
    block_number: Quantity,
    block_hash: ChainHash,
    transaction_hash: ChainHash,
    log_index: Quantity,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    transaction_hash: ChainHash,
    block_number: Quantity,
    block_hash: ChainHash,
    status: Quantity,
    logs: Vec<Log>,
    contract_address: Option<Address>,
    gas_used: Quantity,
}

impl From<RawBlock> for Block {
    fn from(raw: RawBlock) -> Self {
        Self {
            at: BlockRef { number: raw.number.0, hash: raw.hash },
            time: raw.timestamp.0,
            base_fee: raw.base_fee_per_gas.map(|fee| fee.0),
        }
    }
}

impl TryFrom<RawLog> for Log {
    type Error = &'static str;

    fn try_from(raw: RawLog) -> Result<Self, Self::Error> {
        if raw.removed {
            return Err("a log that was removed");
        }
        if raw.topics.len() > 4 {
            return Err("a log has at most four topics");
        }
        Ok(Self {
            address: raw.address,
            topics: raw.topics,
            data: raw.data.0,
            block: BlockRef { number: raw.block_number.0, hash: raw.block_hash },
            tx: raw.transaction_hash,
            index: raw.log_index.0,
        })
    }
}

impl TryFrom<RawReceipt> for Mined {
    type Error = &'static str;

    fn try_from(raw: RawReceipt) -> Result<Self, Self::Error> {
        let block = BlockRef { number: raw.block_number.0, hash: raw.block_hash };
        let succeeded = match raw.status.0 {
            0 => false,
            1 => true,
            _ => return Err("a status is 0 or 1"),
        };
        if raw.logs.iter().any(|log| log.tx != raw.transaction_hash || log.block != block) {
            return Err("a receipt has the logs of its transaction");
        }
        if raw.logs.windows(2).any(|pair| pair[0].index >= pair[1].index) {
            return Err("logs of a receipt are in order");
        }
        if !succeeded && !raw.logs.is_empty() {
            return Err("what reverted logs nothing");
        }
        Ok(Self {
            tx: raw.transaction_hash,
            block,
            succeeded,
            logs: raw.logs,
            created: raw.contract_address,
            gas_used: raw.gas_used.0,
        })
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wide(number) = Wide::deserialize(deserializer)?;
        number.try_into().map(Self).map_err(|_| D::Error::custom("a number of at most 64 bits"))
    }
}

impl<'de> Deserialize<'de> for Wide {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        number.map(Self).ok_or_else(|| D::Error::custom("a number is 0x and hex digits"))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = text.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("bytes are 0x and pairs of hex digits"))
    }
}
