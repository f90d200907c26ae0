//! How far a contract's events were read.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chain_cursor")]
pub struct Model {
    /// Which contract of which chain: `{chain id}:{address}`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The block that reading began at.
    pub from_block: i64,
    /// The last block whose events are in the tables.
    pub block_number: i64,
    /// Its hash; absent before the first block was read.
    pub block_hash: Option<String>,
    /// The newest block when it was looked last.
    pub latest: i64,
    /// The newest settled block then.
    pub settled: i64,
    /// Whether nothing was left to read then.
    pub caught_up: bool,
    /// Why the chain could not be read then.
    pub error: Option<String>,
    pub updated_at: i64,
    pub row_version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
