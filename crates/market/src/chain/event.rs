//! What a chain says about payments.

use serde::{Deserialize, Serialize};

use super::{Address, BuyerKey, ChainHash};

/// One block: a number alone may mean another block tomorrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its height.
    pub number: u64,
    /// Which of all blocks of that height.
    pub hash: ChainHash,
}

/// The contract took a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainPurchase {
    /// Transaction.
    pub tx: ChainHash,
    /// Which of the contract's purchases within its transaction; counted from 0.
    pub index: u32,
    /// Where it was mined.
    pub block: BlockRef,
    /// Which of the block's logs: what happened before what in one block.
    pub log_index: u64,
    /// When, by the block: seconds since 1970.
    pub block_time: u64,
    /// What was bought.
    pub item: ChainHash,
    /// For whose key.
    pub buyer_key: BuyerKey,
    /// What was paid, in minor units.
    pub amount: u128,
    /// What the platform keeps of it.
    pub fee: u128,
    /// Who paid.
    pub payer: Address,
    /// Who is paid.
    pub publisher: Address,
    /// In which token; `None` is the chain's coin.
    pub token: Option<Address>,
}

/// The contract gave a payment back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainRefund {
    /// Transaction.
    pub tx: ChainHash,
    /// Which of the contract's refunds within its transaction; counted from 0.
    pub index: u32,
    /// Where it was mined.
    pub block: BlockRef,
    /// Which of the block's logs, counted as those of [`ChainPurchase`].
    pub log_index: u64,
    /// What had been bought.
    pub item: ChainHash,
    /// [`BuyerKey::hash`] of the key it had been bought for.
    pub key_hash: ChainHash,
    /// Who gets the money.
    pub payer: Address,
    /// In which token; `None` is the chain's coin.
    pub token: Option<Address>,
    /// How much, in minor units.
    pub amount: u128,
    /// Who gave it back.
    pub by: Address,
}

/// One event of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChainEvent {
    /// A payment.
    Purchased(ChainPurchase),
    /// A payment that was given back.
    Refunded(ChainRefund),
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TxOutcome {
    /// Nobody has heard of it: not sent yet, sent elsewhere, or dropped.
    Unknown,
    /// Known and not mined.
    Waiting,
    /// Mined, and it failed.
    Reverted {
        /// Where.
        block: BlockRef,
    },
    /// Mined, and it succeeded.
    Mined {
        /// Where.
        block: BlockRef,
        /// The purchases that our contract, and no other, recorded in it, in order.
        purchases: Vec<ChainPurchase>,
    },
}

impl ChainEvent {
    /// The block that it is in.
    #[must_use]
    pub fn block(&self) -> BlockRef {
        match self {
            Self::Purchased(purchase) => purchase.block,
            Self::Refunded(refund) => refund.block,
        }
    }
}

impl TxOutcome {
    /// The block that it was mined in.
    #[must_use]
    pub fn block(&self) -> Option<BlockRef> {
        match self {
            Self::Unknown | Self::Waiting => None,
            Self::Reverted { block } | Self::Mined { block, .. } => Some(*block),
        }
    }
}
