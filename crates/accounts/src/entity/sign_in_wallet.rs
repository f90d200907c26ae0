//! Wallets that sign in.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_wallets")]
pub struct Model {
    /// With the checksum of EIP-55.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub account: String,
    pub name: String,
    pub created_at: i64,
    pub used_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
