//! Payments on chain, those that count and those that do not: one row for each purchase of a contract that concerns this store.

use sea_orm::entity::prelude::*;
use sealpost_market::chain::{Address, BlockRef, BuyerKey, ChainHash, PaymentState};

use crate::fault::Result;
use crate::schema::value::{named, parsed};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chain_payments")]
pub struct Model {
    /// That of its purchase: made of chain, contract, transaction, listing and key, so that whoever finds the payment first
    /// makes the only one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Which contract of which chain: `{chain id}:{address}`.
    pub source: String,
    pub tx_hash: String,
    /// Which purchase of its transaction; unknown until it is mined.
    pub tx_index: Option<i32>,
    /// A [`PaymentState`].
    pub state: String,
    /// Code of the refusal.
    pub reason: Option<String>,
    /// Sentence of the refusal.
    pub detail: Option<String>,
    pub block_number: Option<i64>,
    pub block_hash: Option<String>,
    /// Which of the block's logs.
    pub log_index: Option<i64>,
    /// Seconds since 1970.
    pub block_time: Option<i64>,
    pub listing: Option<String>,
    /// Hash of the item.
    pub item: Option<String>,
    /// As it stands on chain: `0x` and lower hex.
    pub buyer_key: Option<String>,
    pub key_hash: Option<String>,
    /// Minor units in decimal, as all amounts.
    pub amount: Option<String>,
    pub fee: Option<String>,
    /// The chain's coin where absent.
    pub token: Option<String>,
    pub payer: Option<String>,
    pub publisher: Option<String>,
    /// What it pays for, or would.
    pub purchase: Option<String>,
    pub refund_tx: Option<String>,
    /// Which refund of its transaction.
    pub refund_index: Option<i32>,
    pub refund_block_number: Option<i64>,
    pub refund_block_hash: Option<String>,
    pub refund_by: Option<String>,
    /// When its seller took it although it is not what was offered.
    pub accepted_at: Option<i64>,
    pub created_at: i64,
    /// When its transaction was known last.
    pub heard_at: i64,
    /// When its transaction is to be looked for next; of a dropped one, when it is forgotten.
    pub look_at: i64,
    pub row_version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Where it stands.
    pub(crate) fn payment_state(&self) -> Result<PaymentState> {
        named(&self.state)
    }

    /// Its transaction.
    pub(crate) fn tx(&self) -> Result<ChainHash> {
        parsed(&self.tx_hash)
    }

    /// Where it was mined, as far as is known.
    pub(crate) fn block(&self) -> Result<Option<BlockRef>> {
        block(self.block_number, self.block_hash.as_deref())
    }

    /// Where it was given back.
    pub(crate) fn refund_block(&self) -> Result<Option<BlockRef>> {
        block(self.refund_block_number, self.refund_block_hash.as_deref())
    }

    /// The key that was paid for.
    pub(crate) fn key(&self) -> Result<Option<BuyerKey>> {
        self.buyer_key.as_deref().map(parsed).transpose()
    }

    /// The token it was paid in; `None` is the chain's coin.
    pub(crate) fn paid_token(&self) -> Result<Option<Address>> {
        self.token.as_deref().map(parsed).transpose()
    }
}

fn block(number: Option<i64>, hash: Option<&str>) -> Result<Option<BlockRef>> {
    let (Some(number), Some(hash)) = (number, hash) else { return Ok(None) };
    Ok(Some(BlockRef { number: number.unsigned_abs(), hash: parsed(hash)? }))
}
